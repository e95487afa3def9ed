package store

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"homeward/care"
)

// decodedBytes bounds the documents whose cases are remembered; there are two halves
// of it. A case takes some three times the memory of its document.
const decodedBytes = 4 << 20

// decoded remembers cases by the hash of the document that they were read from, for
// the same are read again and again: a case is decoded once for each state that it
// has. Every document is read from the database and opened with its key all the
// same, so what was erased, or can no longer be opened, is not found here.
type decoded struct {
	mu       sync.Mutex
	now, was map[[sha256.Size]byte]care.Case // when now is full it becomes was, and was is forgotten
	bytes    int                             // of the documents of now
	once     map[uint64]bool                 // beginnings of the hashes of what was read once
}

// mostOnce bounds what is known to have been read once.
const mostOnce = 20_000

// read decodes a document, or gives what it was decoded to before.
func (d *decoded) read(doc []byte) (care.Case, error) {
	sum := sha256.Sum256(doc)
	d.mu.Lock()
	c, ok := d.now[sum]
	if !ok {
		if c, ok = d.was[sum]; ok {
			d.put(sum, c, len(doc))
		}
	}
	d.mu.Unlock()
	if ok {
		return c, nil
	}
	c, err := care.Read(doc)
	if err != nil {
		return c, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if at := binary.BigEndian.Uint64(sum[:]); !d.once[at] {
		if d.once == nil || len(d.once) >= mostOnce {
			d.once = map[uint64]bool{}
		}
		d.once[at] = true
		return c, nil
	}
	d.put(sum, c, len(doc))
	return c, nil
}

// put must be called with the lock.
func (d *decoded) put(sum [sha256.Size]byte, c care.Case, size int) {
	if d.bytes+size > decodedBytes || d.now == nil {
		d.was, d.now, d.bytes = d.now, map[[sha256.Size]byte]care.Case{}, 0
	}
	d.now[sum] = c
	d.bytes += size
}
