package store

import (
	"bytes"
	"testing"
	"time"

	"homeward/care"
)

// A record is saved by who saw its newest version, and by nobody else.
func TestRecords(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		r := Record{Kind: "view", Org: "511", ID: "v1", Owner: "u1", State: "open", At: day, Due: day.Add(time.Hour), Doc: []byte(`{"name":"late"}`)}
		update(t, s, func(tx *Tx) error {
			if _, err := tx.Kept("view", "511", "v1"); care.KindOf(err) != care.NotFound {
				t.Errorf("before it was saved: %v", err)
			}
			first, err := tx.PutRecord(r)
			if err != nil || first.Version != 1 {
				t.Errorf("version %d: %v", first.Version, err)
			}
			if _, err := tx.PutRecord(r); care.KindOf(err) != care.Conflict {
				t.Errorf("made twice: %v", err)
			}
			first.State, first.Doc = "done", []byte(`{"name":"later"}`)
			if _, err := tx.PutRecord(first); err != nil {
				return err
			}
			if _, err := tx.PutRecord(first); care.KindOf(err) != care.Conflict {
				t.Errorf("saved over another's: %v", err)
			}
			for i, id := range []string{"v2", "v3"} {
				if _, err := tx.PutRecord(Record{Kind: "view", Org: "512", ID: id, Case: "c1", Owner: "u2", State: "open", At: day.Add(time.Duration(i) * time.Hour)}); err != nil {
					return err
				}
			}
			return nil
		})
		view(t, s, func(tx *Tx) error {
			got, err := tx.Kept("view", "511", "v1")
			if err != nil || got.Version != 2 || got.State != "done" || string(got.Doc) != `{"name":"later"}` || !got.Due.Equal(r.Due) {
				t.Errorf("%+v: %v", got, err)
			}
			for _, tt := range []struct {
				q    RecordQuery
				want string
			}{
				{RecordQuery{Kind: "view"}, "v2 v3 v1"},
				{RecordQuery{Kind: "view", Newest: true, Limit: 1}, "v3"},
				{RecordQuery{Kind: "view", Org: "511"}, "v1"},
				{RecordQuery{Kind: "view", Case: "c1"}, "v2 v3"},
				{RecordQuery{Kind: "view", Owner: "u1"}, "v1"},
				{RecordQuery{Kind: "view", Owners: []string{}}, ""},
				{RecordQuery{Kind: "view", Owners: []string{"u1", "u2"}, States: []string{"open"}}, "v2 v3"},
				{RecordQuery{Kind: "view", DueBefore: day.Add(2 * time.Hour)}, "v1"},
				{RecordQuery{Kind: "other"}, ""},
			} {
				rs, err := tx.KeptAll(tt.q)
				var ids []byte
				for _, r := range rs {
					ids = append(append(ids, r.ID...), ' ')
				}
				if got := string(bytes.TrimSpace(ids)); got != tt.want || err != nil {
					t.Errorf("%+v: %q, want %q: %v", tt.q, got, tt.want, err)
				}
				if n, err := tx.CountKept(tt.q); err != nil || tt.q.Limit == 0 && n != len(rs) {
					t.Errorf("%+v: counts %d of %d: %v", tt.q, n, len(rs), err)
				}
			}
			return nil
		})
		update(t, s, func(tx *Tx) error {
			return firstError(tx.DropKept("view", "511", "v1"), tx.DropKeptAll(RecordQuery{Kind: "view", Owner: "u2"}))
		})
		view(t, s, func(tx *Tx) error {
			if n, err := tx.CountKept(RecordQuery{Kind: "view"}); n != 0 || err != nil {
				t.Errorf("%d are left: %v", n, err)
			}
			return nil
		})
	})
}

func TestFiles(t *testing.T) {
	both(t, func(t *testing.T, open func(...func(*Config)) *Store) {
		s := open()
		content := []byte{0, 1, 0xff}
		update(t, s, func(tx *Tx) error {
			return firstError(tx.PutFile(Attached{ID: "f1", Case: "c1", State: "new", At: day, Content: content}), tx.PutFile(Attached{ID: "f1", Case: "c2", State: "new", At: day, Content: content}),
				tx.SetFileState("c1", "f1", "clean"), tx.DropFile("c2", "f2"))
		})
		view(t, s, func(tx *Tx) error {
			f, err := tx.File("c1", "f1")
			if err != nil || !bytes.Equal(f.Content, content) || f.Size != 3 || f.State != "clean" {
				t.Errorf("%+v: %v", f, err)
			}
			if _, err := tx.File("c1", "f2"); care.KindOf(err) != care.NotFound {
				t.Error(err)
			}
			fs, err := tx.FilesIn("new", 10)
			if err != nil || len(fs) != 1 || fs[0].Case != "c2" {
				t.Errorf("%+v: %v", fs, err)
			}
			return nil
		})
	})
}
