package policy

import (
	"encoding/binary"
	"sync"
)

// A list of a hundred people asks some five questions of each, and most of those
// people are alike in all that the rules can weigh. The rules never change and
// answer the same question in the same way, so answers are remembered by
// everything that was told of the question but the name of the person.

// memory keeps answers. The zero value is ready.
type memory struct {
	mu    sync.Mutex
	kinds map[string]*remembered
}

// remembered is what was decided of one set of facts.
type remembered struct {
	sync.Mutex
	q       *question // nil until facts were built and found valid
	answers map[Action]Decision
}

// mostRemembered is how many sets of facts are kept; when there are more, all go,
// so that memory is bounded whatever is asked.
const mostRemembered = 4096

// about is what is remembered of a question's facts.
func (m *memory) about(a Actor, c *Case, ctx Context) *remembered {
	var space [512]byte
	key := factsKey(space[:0], a, c, ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.kinds[string(key)]; ok {
		return r
	}
	if m.kinds == nil || len(m.kinds) >= mostRemembered {
		m.kinds = map[string]*remembered{}
	}
	r := &remembered{answers: map[Action]Decision{}}
	m.kinds[string(key)] = r
	return r
}

// factsKey writes all that a decision can depend on. Every text is led by its
// length, so that no two questions are written alike. A test changes each field
// in turn and wants another key.
func factsKey(b []byte, a Actor, c *Case, ctx Context) []byte {
	b = text(text(text(text(b, a.ID), a.Org), string(a.OrgKind)), string(a.Role))
	b = texts(b, a.Teams)
	b = text(text(text(b, string(ctx.Purpose)), string(ctx.Relationship)), string(ctx.Audience))
	b = bits(b, ctx.ReasonGiven, ctx.OnBehalf, c != nil)
	b = texts(b, ctx.Open)
	if c == nil {
		return b
	}
	b = bits(b, c.ID == "", c.Adult, c.AgeKnown, c.Restricted, c.CouncilRestricted, c.Frozen, c.Died, c.Objected)
	for _, list := range [...][]string{c.Hospitals, c.Councils, c.ReferredTo, c.ReferredBy, c.NumberedBy, c.Allocated, c.Glass, c.ClientOf, c.ConcernTo} {
		b = texts(b, list)
	}
	return b
}

func text[T ~string](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func texts[T ~string](b []byte, list []T) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = text(b, s)
	}
	return b
}

func bits(b []byte, vs ...bool) []byte {
	for _, v := range vs {
		if v {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return b
}
