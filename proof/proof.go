// Package proof is the audit log as an outsider checks it: the tree of its
// records, the checkpoints that are signed of it, and the file that it is
// exported to. With such a file and the public key anybody can tell whether
// records were changed, taken away, added or put in another order.
//
// It keeps nothing, opens no file or database, and knows nothing of who may see
// what. Of what a record says it reads only whether it tells of an erasing.
package proof

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// SaltSize is the length of a record's salt, in bytes. It is fixed, so that where
// the salt ends and the text begins is no one's to choose.
const SaltSize = 16

// Leaf is the leaf of a record: a salted hash, so that it tells nothing of a
// record whose salt was erased. RFC 6962 section 2.1.
func Leaf(salt []byte, record string) tlog.Hash {
	b := make([]byte, 0, len(salt)+len(record))
	return tlog.RecordHash(append(append(b, salt...), record...))
}

// Edge is the right edge of a log's tree: at each level the complete subtree
// that waits for its sibling. With it an append reads nothing. The zero value is
// that of an empty log.
type Edge struct {
	Size  int64 // of the log it belongs to; -1: not known
	right [48]tlog.Hash
}

// Add appends a leaf and returns the hashes that it completes, the leaf's
// first: those of tlog.StoredHashes. RFC 6962 section 2.1.
func (e *Edge) Add(leaf tlog.Hash) []tlog.Hash {
	out := []tlog.Hash{leaf}
	h, level := leaf, 0
	for ; e.Size>>level&1 == 1; level++ {
		h = tlog.NodeHash(e.right[level], h)
		out = append(out, h)
	}
	e.right[level] = h
	e.Size++
	return out
}

// EdgeAt reads the edge of a log of a size from its stored hashes.
func EdgeAt(size int64, hashes tlog.HashReader) (e Edge, err error) {
	var indexes []int64
	var levels []int
	for level := range e.right {
		if size>>level&1 == 1 {
			indexes = append(indexes, tlog.StoredHashIndex(level, size>>level-1))
			levels = append(levels, level)
		}
	}
	hs, err := hashes.ReadHashes(indexes)
	if err != nil {
		return Edge{Size: -1}, err
	}
	for i, h := range hs {
		e.right[levels[i]] = h
	}
	e.Size = size
	return e, nil
}

// Root is the hash of the whole tree.
func (e *Edge) Root() tlog.Hash {
	if e.Size == 0 {
		return sha256.Sum256(nil)
	}
	var h tlog.Hash
	first := true
	for level := range e.right {
		switch {
		case e.Size>>level&1 == 0:
		case first:
			h, first = e.right[level], false
		default:
			h = tlog.NodeHash(e.right[level], h)
		}
	}
	return h
}

// Tree is the log so far.
func (e *Edge) Tree() tlog.Tree { return tlog.Tree{N: e.Size, Hash: e.Root()} }

// CompletedBy names the record that completes the hash of a stored index, and
// the place of the hash among those that it completes.
func CompletedBy(index int64) (n int64, place int) {
	level, at := tlog.SplitStoredHashIndex(index)
	return (at+1)<<level - 1, level
}

// Growth proves that the log of one tree is the beginning of the log of another.
// The proofs of RFC 6962 do not speak of an empty log, which begins every log.
func Growth(now, old tlog.Tree, hashes tlog.HashReader) (tlog.TreeProof, error) {
	if old.N == 0 || old.N == now.N {
		return nil, nil
	}
	return tlog.ProveTree(now.N, old.N, hashes)
}

// CheckGrowth checks a proof that Growth made.
func CheckGrowth(p tlog.TreeProof, now, old tlog.Tree) error {
	switch {
	case old.N > now.N:
		return fmt.Errorf("the log had %d records and now has %d", old.N, now.N)
	case old.N == 0 && old.Hash == sha256.Sum256(nil):
		return nil
	case old.N == now.N && old.Hash == now.Hash:
		return nil
	case old.N == 0 || old.N == now.N:
		return fmt.Errorf("the first %d records are not those of the checkpoint", old.N)
	}
	if err := tlog.CheckTree(p, now.N, now.Hash, old.N, old.Hash); err != nil {
		return fmt.Errorf("the first %d records are not those of the checkpoint", old.N)
	}
	return nil
}

// NewKey makes a key that signs a log's checkpoints, and the verifier that
// everybody may have. The name is the log's: letters, digits, dots and hyphens.
func NewKey(random io.Reader, name string) (signer, verifier string, err error) {
	if name == "" || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789.-/") != "" {
		return "", "", errors.New("the name of the log must be of letters, digits, dots and hyphens, like homeward.example.nhs.uk")
	}
	return note.GenerateKey(random, name)
}

// Signer reads a key that NewKey made, with its verifier.
func Signer(key string) (s note.Signer, verifier string, err error) {
	key = strings.TrimSpace(key)
	if s, err = note.NewSigner(key); err != nil {
		return nil, "", errors.New("the key of the audit log is not one that homeward audit key made")
	}
	parts := strings.SplitN(key, "+", 5) // PRIVATE+KEY+name+hash+data
	data, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(data) != 1+ed25519.SeedSize {
		return nil, "", errors.New("the key of the audit log is not one that homeward audit key made")
	}
	public, _ := ed25519.NewKeyFromSeed(data[1:]).Public().(ed25519.PublicKey)
	verifier, err = note.NewEd25519VerifierKey(s.Name(), public)
	return s, verifier, err
}

// Verifier reads a verifier that NewKey made.
func Verifier(key string) (note.Verifier, error) {
	v, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		return nil, errors.New("the public key must be one line like homeward.example+1a2b3c4d+AbCd...")
	}
	return v, nil
}

// Sign signs a tree in the form of C2SP tlog-checkpoint: the signer's name, the
// size, and the root. Kept elsewhere, it shows any later change of what is in
// the log now.
func Sign(tree tlog.Tree, signer note.Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), tree.N, tree.Hash)}, signer)
}

// Open reads a checkpoint and checks that one of the verifiers' keys signed it.
func Open(checkpoint []byte, verifiers ...note.Verifier) (tree tlog.Tree, by note.Verifier, err error) {
	n, err := note.Open(checkpoint, note.VerifierList(verifiers...))
	if err != nil {
		return tree, nil, fmt.Errorf("a checkpoint is not signed by a key that is known: %w", err)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) < 4 || lines[0] != n.Sigs[0].Name {
		return tree, nil, errors.New("a checkpoint does not name its log, its size and its root")
	}
	if _, err := fmt.Sscanf(lines[1], "%d", &tree.N); err != nil || tree.N < 0 || fmt.Sprint(tree.N) != lines[1] {
		return tree, nil, errors.New("a checkpoint has no size")
	}
	if tree.Hash, err = tlog.ParseHash(lines[2]); err != nil {
		return tree, nil, errors.New("a checkpoint has no root")
	}
	for _, v := range verifiers {
		if v.Name() == n.Sigs[0].Name && v.KeyHash() == n.Sigs[0].Hash {
			by = v
		}
	}
	return tree, by, nil
}
