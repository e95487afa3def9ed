package hub

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"homeward/care"
	"homeward/policy"
	"homeward/store"
)

// Attachments is what a site says of files that are put to assessments.
type Attachments struct {
	MaxBytes int64 // of one file; 0: 10 MB
	MaxFiles int   // of one assessment; 0: 10
	// Scan looks for viruses in a file. An error is that it could not be asked; nil
	// is that nothing looks.
	Scan func(ctx context.Context, content []byte) (infected bool, err error)
	// MustScan refuses files where nothing looks for viruses.
	MustScan bool
	Every    time.Duration // between tries to have waiting files scanned; 0: a minute
}

func (a Attachments) withDefaults() Attachments {
	def(&a.MaxBytes, 10<<20)
	def(&a.MaxFiles, 10)
	def(&a.Every, time.Minute)
	return a
}

// The states of a file, by what is known of viruses in it.
const (
	FileClean     = "clean"
	FileUnscanned = "unscanned" // nothing looks for viruses here
	FileWaiting   = "waiting"   // the scanner could not be asked yet: nobody may open it
	FileRemoved   = "removed"   // something was found in it, and its content is gone
)

// FileView is an attachment and what is known of it.
type FileView struct {
	care.File
	State string
}

// Opens reports whether the file can be downloaded.
func (f FileView) Opens() bool { return f.State == FileClean || f.State == FileUnscanned }

// FileTypes are the kinds of file that are taken, in words.
const FileTypes = "PDF, PNG, JPEG, Word (DOCX), OpenDocument text (ODT) or plain text"

// FileLimit is the largest file, in bytes.
func (h *Hub) FileLimit() int64 { return h.Attachments.MaxBytes }

// AttachFile puts a file to an assessment that is being written. Its type is what
// its bytes say, whatever it is called.
func (h *Hub) AttachFile(ctx context.Context, by care.Actor, id care.CaseID, name, filename string, content []byte) error {
	f, wrong := h.checkFile(filename, content)
	may := func(tx *store.Tx) (*asking, *openedAssessment, error) {
		a, c, o, err := h.assessing(tx, by, policy.WriteAssessment, id, name)
		if err == nil {
			err = o.mayEdit(c)
		}
		if err == nil {
			err = cmp.Or(wrong, h.room(o, f))
		}
		return a, o, err
	}
	// Who may not attach is told so before their file is given to the scanner, which
	// is asked outside any transaction.
	if err := h.update(ctx, func(tx *store.Tx) error { _, _, err := may(tx); return err }); err != nil {
		return err
	}
	state, err := h.scanned(ctx, content)
	if err != nil {
		return err
	}
	return h.update(ctx, func(tx *store.Tx) error {
		a, o, err := may(tx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(o.doc.Files, func(x care.File) bool { return x.ID == f.ID }) {
			return a.audit(tx, true, "attached already")
		}
		f.At, f.By = a.record.At, by.Who()
		if err := tx.PutFile(store.Attached{ID: f.ID, Case: o.rec.Case, State: state, At: f.At, Content: content}); err != nil {
			return err
		}
		o.doc.Files = append(o.doc.Files, f)
		if err := o.put(tx, f.At); err != nil {
			return err
		}
		return a.audit(tx, true, "attached a file")
	})
}

func fileError(text string) error {
	return &care.Error{Kind: care.Invalid, Field: "file", Text: text}
}

// checkFile is what is known of a file by itself.
func (h *Hub) checkFile(filename string, content []byte) (care.File, error) {
	sum := sha256.Sum256(content)
	f := care.File{ID: hex.EncodeToString(sum[:]), Name: fileName(filename), Type: fileType(content), Bytes: int64(len(content))}
	switch {
	case len(content) == 0:
		return f, fileError("The file is empty. Choose another file")
	case f.Bytes > h.Attachments.MaxBytes:
		return f, fileError(fmt.Sprintf("The file must be smaller than %d MB", h.Attachments.MaxBytes>>20))
	case f.Type == "":
		return f, fileError("The file must be a " + FileTypes + ", without macros. Save it as a PDF and attach that")
	}
	return f, nil
}

func (h *Hub) room(o *openedAssessment, f care.File) error {
	switch {
	case !o.form.Attachments:
		return fileError("Files cannot be attached to this assessment")
	case len(o.doc.Files) >= h.Attachments.MaxFiles && !slices.ContainsFunc(o.doc.Files, func(x care.File) bool { return x.ID == f.ID }):
		return fileError(fmt.Sprintf("There are %d files already. Remove one first", h.Attachments.MaxFiles))
	}
	return nil
}

// scanned asks the scanner, and gives the state in which a file is kept.
func (h *Hub) scanned(ctx context.Context, content []byte) (string, error) {
	switch {
	case h.Attachments.Scan == nil && h.Attachments.MustScan:
		return "", fileError("Files cannot be attached here: nothing is set up that looks for viruses")
	case h.Attachments.Scan == nil:
		return FileUnscanned, nil
	}
	infected, err := h.Attachments.Scan(ctx, content)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		h.Log.Warn("a file waits for the virus scanner", "err", err)
		return FileWaiting, nil
	case infected:
		return "", fileError("The virus scan found something in this file, so it was not kept. Attach another file, and tell your IT team")
	}
	return FileClean, nil
}

// fileName is what a file is called for people: no folders, nothing that moves the
// text or the header in which it stands.
func fileName(s string) string {
	s = path.Base(strings.ReplaceAll(strings.ToValidUTF8(s, ""), `\`, "/"))
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || strings.ContainsRune(`"<>|:*?/`, r) || r >= 0x200b && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, s))
	if rs := []rune(s); len(rs) > 120 {
		s = string(rs[:60]) + "…" + string(rs[len(rs)-59:])
	}
	if s == "" || s == "." {
		return "File"
	}
	return s
}

// magics are the beginnings of files that are taken as they are.
var magics = []struct{ begins, kind string }{
	{"%PDF-", "application/pdf"},
	{"\x89PNG\r\n\x1a\n", "image/png"},
	{"\xff\xd8\xff", "image/jpeg"},
}

// fileType is the media type of what a file's bytes are, of the types that are
// taken; "" for any other.
func fileType(content []byte) string {
	for _, m := range magics {
		if bytes.HasPrefix(content, []byte(m.begins)) {
			return m.kind
		}
	}
	if bytes.HasPrefix(content, []byte("PK\x03\x04")) {
		return officeType(content)
	}
	if utf8.Valid(content) && !bytes.ContainsFunc(content, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' || r == 0x7f }) &&
		!bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(content)), []byte("<")) { // marked-up text, such as HTML and SVG, may hold scripts
		return "text/plain"
	}
	return ""
}

// officeType tells a Word document (ISO/IEC 29500) and an OpenDocument text
// (ISO/IEC 26300) by what their package lists. Macros are not taken.
func officeType(content []byte) string {
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return ""
	}
	names := map[string]*zip.File{}
	for _, f := range z.File {
		name := strings.ToLower(f.Name)
		if strings.HasSuffix(name, "vbaproject.bin") || strings.HasPrefix(name, "basic/") || strings.HasPrefix(name, "scripts/") {
			return ""
		}
		names[name] = f
	}
	if names["[content_types].xml"] != nil && names["word/document.xml"] != nil {
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	}
	const text = "application/vnd.oasis.opendocument.text"
	if f := names["mimetype"]; f != nil && names["content.xml"] != nil {
		r, err := f.Open()
		if err != nil {
			return ""
		}
		defer r.Close()
		if b, err := io.ReadAll(io.LimitReader(r, 100)); err == nil && strings.TrimSpace(string(b)) == text {
			return text
		}
	}
	return ""
}

// RemoveFile takes a file away from an assessment that is being written. Its
// content goes too, unless an approved revision has it.
func (h *Hub) RemoveFile(ctx context.Context, by care.Actor, id care.CaseID, name, file string) error {
	return h.update(ctx, func(tx *store.Tx) error {
		a, c, o, err := h.assessing(tx, by, policy.WriteAssessment, id, name)
		if err != nil {
			return err
		}
		if err := o.mayEdit(c); err != nil {
			return err
		}
		is := func(f care.File) bool { return f.ID == file }
		if !slices.ContainsFunc(o.doc.Files, is) {
			return a.audit(tx, true, "removed already")
		}
		o.doc.Files = slices.DeleteFunc(o.doc.Files, is)
		if err := o.put(tx, a.record.At); err != nil {
			return err
		}
		used, err := h.fileUsed(tx, c, file)
		if err == nil && !used {
			err = tx.DropFile(o.rec.Case, file)
		}
		if err != nil {
			return err
		}
		return a.audit(tx, true, "removed a file")
	})
}

// fileUsed reports whether any revision, or anything being written, has a file.
func (h *Hub) fileUsed(tx *store.Tx, c care.Case, file string) (bool, error) {
	is := func(f care.File) bool { return f.ID == file }
	for _, id := range append([]care.CaseID{c.ID}, c.Absorbed...) {
		entries, err := tx.History(id)
		if err != nil {
			return false, err
		}
		for _, e := range entries {
			if x, ok := e.Event.(care.PaperShared); ok && slices.ContainsFunc(x.Paper.Files, is) {
				return true, nil
			}
		}
		rs, err := tx.KeptAll(store.RecordQuery{Kind: assessmentKind, Case: id, States: openStates})
		if err != nil {
			return false, err
		}
		for _, rec := range rs {
			o, err := h.readAssessment(rec)
			if err != nil || slices.ContainsFunc(o.doc.Files, is) {
				return err == nil, err
			}
		}
	}
	return false, nil
}

// fileOf finds a file of a person: with the case, or with one that was joined into it.
func fileOf(tx *store.Tx, c care.Case, file string) (store.Attached, error) {
	for _, id := range append([]care.CaseID{c.ID}, c.Absorbed...) {
		f, err := tx.File(id, file)
		if care.KindOf(err) != care.NotFound {
			return f, err
		}
	}
	return store.Attached{}, &care.Error{Kind: care.NotFound, Text: "There is no such file"}
}

// fileViews says of files what is known of them.
func (h *Hub) fileViews(tx *store.Tx, c care.Case, files []care.File) ([]FileView, error) {
	var out []FileView
	for _, f := range files {
		kept, err := fileOf(tx, c, f.ID)
		switch {
		case care.KindOf(err) == care.NotFound:
			kept.State = FileRemoved
		case err != nil:
			return nil, err
		}
		out = append(out, FileView{File: f, State: kept.State})
	}
	return out, nil
}

// filesTo puts the files of an assessment that was begun on a record that has been
// joined since to the record in use, where its paper will be.
func (h *Hub) filesTo(tx *store.Tx, c care.Case, o *openedAssessment) error {
	if o.rec.Case == c.ID {
		return nil
	}
	for _, f := range o.doc.Files {
		kept, err := tx.File(o.rec.Case, f.ID)
		if care.KindOf(err) == care.NotFound {
			continue
		}
		if err == nil {
			kept.Case = c.ID
			err = tx.PutFile(kept)
		}
		if err != nil {
			return err
		}
	}
	o.rec.Case = c.ID
	return nil
}

// DownloadFile gives the content of a file to who may see what it is attached to: a
// paper that they see, or an assessment of their own organisation. It is audited
// before it is read.
func (h *Hub) DownloadFile(ctx context.Context, by care.Actor, id care.CaseID, file string) (care.File, []byte, error) {
	var f care.File
	var c care.Case
	err := h.update(ctx, func(tx *store.Tx) error {
		a, found, err := h.named(tx, by, policy.SeeAssessments, id, h.now())
		if err != nil {
			return err
		}
		c = found
		a.decide(caseActions...)
		is := func(x care.File) bool { return x.ID == file }
		var files []care.File
		if a.may[policy.SeeReferral] {
			for _, p := range a.seenPapers(c) {
				files = append(files, p.Files...)
			}
		}
		if a.may[policy.WriteAssessment] || a.may[policy.ApproveAssessment] {
			all, err := h.assessmentsOf(tx, by.Org, c)
			if err != nil {
				return err
			}
			for _, o := range all {
				files = append(files, o.doc.Files...)
			}
		}
		i := slices.IndexFunc(files, is)
		if i < 0 {
			return a.refuse(tx)
		}
		f = files[i]
		return a.audit(tx, true, "downloaded a file")
	})
	if err != nil {
		return f, nil, err
	}
	var kept store.Attached
	err = h.Store.View(ctx, func(tx *store.Tx) (err error) {
		kept, err = fileOf(tx, c, file)
		return err
	})
	switch state := (FileView{State: kept.State}); {
	case err != nil:
		return f, nil, h.unavailable(err)
	case kept.State == FileWaiting:
		return f, nil, &care.Error{Kind: care.BusinessRule, Text: "This file waits for the virus scan. It can be opened after that"}
	case !state.Opens() || kept.State == FileUnscanned && h.Attachments.MustScan:
		return f, nil, &care.Error{Kind: care.BusinessRule, Text: "This file cannot be opened: it was not scanned for viruses"}
	}
	return f, kept.Content, nil
}

// scanLoop has files scanned that were kept while the scanner could not be asked.
func (h *Hub) scanLoop(ctx context.Context) {
	if h.Attachments.Scan == nil {
		return
	}
	tick := time.NewTicker(h.Attachments.Every)
	defer tick.Stop()
	for {
		if err := h.ScanWaiting(ctx); err != nil && ctx.Err() == nil {
			h.Log.Warn("files wait for the virus scanner", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ScanWaiting asks the scanner about the files that wait for it, the oldest first,
// until it cannot be asked. What it finds something in loses its content at once.
func (h *Hub) ScanWaiting(ctx context.Context) error {
	for {
		var waiting []store.Attached
		err := h.Store.View(ctx, func(tx *store.Tx) (err error) {
			waiting, err = tx.FilesIn(FileWaiting, 20)
			return err
		})
		if err != nil || len(waiting) == 0 {
			return err
		}
		for _, w := range waiting {
			if err := h.scanAgain(ctx, w); err != nil {
				return err
			}
		}
	}
}

func (h *Hub) scanAgain(ctx context.Context, w store.Attached) error {
	err := h.Store.View(ctx, func(tx *store.Tx) (err error) {
		w, err = tx.File(w.Case, w.ID)
		return err
	})
	if care.KindOf(err) == care.NotFound {
		return nil // erased, or removed by who attached it
	}
	if err != nil {
		return err
	}
	infected, err := h.Attachments.Scan(ctx, w.Content)
	if err != nil {
		return errors.Join(errors.New("asking the virus scanner"), err)
	}
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		if !infected {
			return tx.SetFileState(w.Case, w.ID, FileClean)
		}
		h.Log.Warn("the virus scan found something in a file: its content was removed", "case", w.Case)
		if err := tx.DropFile(w.Case, w.ID); err != nil {
			return err
		}
		return tx.Audit(store.AuditRecord{At: h.now(), Actor: "homeward", Name: "Homeward", Action: "scanFile", Case: w.Case, Purpose: string(policy.DirectCare), Allowed: true, Outcome: "removed: infected"})
	})
}
