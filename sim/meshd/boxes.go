package meshd

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxChunk is the most that is taken in one piece.
const maxChunk = 20 << 20

// span reads Mex-Chunk-Range for a chunk: "n:m". MESH 2 outbox
func span(s string, n int) (total int, ok bool) {
	if s == "" {
		return 1, n == 1
	}
	a, b, found := strings.Cut(s, ":")
	i, err := strconv.Atoi(strings.TrimSpace(a))
	total, err2 := strconv.Atoi(strings.TrimSpace(b))
	return total, found && err == nil && err2 == nil && i == n && n >= 1 && n <= total
}

func (s *Service) send(w http.ResponseWriter, r *http.Request) {
	h := r.Header
	total, ok := span(h.Get("Mex-Chunk-Range"), 1)
	to, known := s.mailbox(h.Get("Mex-To"))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxChunk))
	encoding := h.Get("Content-Encoding")
	switch {
	case err != nil:
		s.fail(w, r, 413, "SEND", "", "Chunk too large")
	case h.Get("Mex-To") == "":
		s.fail(w, r, 400, "SEND", "08", "TO_DTS missing")
	case encoding != "" && encoding != "gzip":
		s.fail(w, r, 422, "SEND", "UnsupportedContentEncoding", "Unsupported content encoding")
	case !ok:
		s.fail(w, r, 417, "SEND", "InvalidHeaderChunks", "Invalid chunk values sent in mex-Chunk-Range header")
	case !known:
		s.fail(w, r, 417, "SEND", "12", "Unregistered to address")
	case len(to.Workflows) > 0 && !slices.Contains(to.Workflows, h.Get("Mex-WorkflowID")):
		s.fail(w, r, 417, "SEND", "17", "Workflow ID not registered for mailbox")
	case len(body) == 0:
		s.fail(w, r, 417, "COLLECT", "02", "Data file is missing or inaccessible.")
	default:
		m := &Message{ID: s.id(), From: r.PathValue("box"), To: to.ID, Workflow: h.Get("Mex-WorkflowID"), LocalID: h.Get("Mex-LocalID"), Subject: h.Get("Mex-Subject"),
			FileName: h.Get("Mex-FileName"), Type: h.Get("Content-Type"), Encoding: encoding, Total: total, Chunks: make([][]byte, total), Status: "uploading", Sent: s.config.Now()}
		m.Chunks[0] = body
		if total == 1 {
			m.Status = "accepted"
		}
		s.messages = append(s.messages, m)
		if v2(r) {
			write(w, r, 202, map[string]string{"message_id": m.ID})
			return
		}
		write(w, r, 202, map[string]string{"messageID": m.ID})
	}
}

func (s *Service) find(id string) *Message {
	for _, m := range s.messages {
		if m.ID == id {
			return m
		}
	}
	return nil
}

func (s *Service) chunk(w http.ResponseWriter, r *http.Request) {
	m := s.find(r.PathValue("id"))
	n, _ := strconv.Atoi(r.PathValue("chunk")) // what is none fails span
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxChunk))
	switch {
	case m == nil:
		s.fail(w, r, 404, "", "", "")
	case m.From != r.PathValue("box"):
		s.fail(w, r, 403, "", "", "")
	case m.Status != "uploading":
		s.fail(w, r, 423, "", "", "")
	case err != nil:
		s.fail(w, r, 413, "SEND", "", "Chunk too large")
	case r.Header.Get("Content-Encoding") != m.Encoding:
		s.fail(w, r, 417, "SEND", "", "cannot change content encoding")
	default:
		if total, ok := span(r.Header.Get("Mex-Chunk-Range"), n); !ok || total != m.Total {
			s.fail(w, r, 417, "SEND", "InvalidHeaderChunks", "Invalid chunk values sent in mex-Chunk-Range header")
			return
		}
		m.Chunks[n-1] = body
		if n == m.Total && !slices.ContainsFunc(m.Chunks, func(c []byte) bool { return c == nil }) {
			m.Status, m.Sent = "accepted", s.config.Now()
		}
		write(w, r, 202, map[string]any{"message_id": m.ID, "block_id": n})
	}
}

func (s *Service) track(w http.ResponseWriter, r *http.Request) {
	local, id := r.PathValue("local"), r.URL.Query().Get("messageID")
	var found []*Message
	for _, m := range s.messages {
		if m.From == r.PathValue("box") && (local != "" && m.LocalID == local || local == "" && m.ID == id) {
			found = append(found, m)
		}
	}
	switch {
	case len(found) == 0:
		w.WriteHeader(404)
	case len(found) > 1:
		w.WriteHeader(300)
	case local != "": // version 1 only
		m := found[0]
		status := strings.ToUpper(m.Status[:1]) + m.Status[1:]
		write(w, r, 200, map[string]any{"messageId": m.ID, "dtsId": m.ID, "localId": m.LocalID, "status": status, "statusSuccess": "SUCCESS", "workflowId": m.Workflow, "chunkCount": m.Total})
	default:
		m := found[0]
		v := map[string]any{"message_id": m.ID, "local_id": m.LocalID, "workflow_id": m.Workflow, "status": m.Status, "status_success": m.Status != "undeliverable",
			"recipient": m.To, "upload_timestamp": m.Sent.UTC().Format("2006-01-02T15:04:05.000000")}
		if m.Status == "undeliverable" {
			v["status_code"] = "14"
		}
		write(w, r, 200, v)
	}
}

func (s *Service) inbox(w http.ResponseWriter, r *http.Request) {
	ids := []string{}
	for _, m := range s.messages {
		if m.To == r.PathValue("box") && m.Status == "accepted" {
			ids = append(ids, m.ID)
		}
	}
	all := len(ids)
	if n, err := strconv.Atoi(r.URL.Query().Get("max_results")); err == nil && n >= 0 && n < len(ids) {
		ids = ids[:n]
	}
	write(w, r, 200, map[string]any{"messages": ids, "links": map[string]string{"self": r.URL.Path}, "approx_inbox_count": all})
}

func (s *Service) get(w http.ResponseWriter, r *http.Request) {
	m, n := s.find(r.PathValue("id")), 1
	if c := r.PathValue("chunk"); c != "" {
		n, _ = strconv.Atoi(c) // what is none is looked for in vain
	}
	switch {
	case m == nil:
		s.fail(w, r, 404, "RECEIVE", "20", "Message does not exist")
		return
	case m.To != r.PathValue("box"):
		s.fail(w, r, 403, "", "", "")
		return
	case m.Status != "accepted" && m.Status != "acknowledged":
		s.fail(w, r, 410, "SEND", "", "Message no longer available for download")
		return
	case m.Linked == "" && (n < 1 || n > m.Total):
		s.fail(w, r, 404, "RECEIVE", "20", "Message does not exist")
		return
	}
	h := w.Header()
	for k, v := range map[string]string{"Mex-From": m.From, "Mex-To": m.To, "Mex-WorkflowID": m.Workflow, "Mex-LocalID": m.LocalID, "Mex-Subject": m.Subject,
		"Mex-FileName": m.FileName, "Mex-MessageID": m.ID, "Mex-Content-Type": m.Type} {
		if v != "" {
			h.Set(k, v)
		}
	}
	if m.Linked != "" {
		for k, v := range map[string]string{"Mex-MessageType": "REPORT", "Mex-LinkedMsgID": m.Linked, "Mex-StatusCode": m.Code, "Mex-StatusEvent": "SEND", "Mex-StatusSuccess": "ERROR"} {
			h.Set(k, v)
		}
		return
	}
	h.Set("Mex-MessageType", "DATA")
	h.Set("Mex-Chunk-Range", fmt.Sprintf("%d:%d", n, m.Total))
	h.Set("Mex-Total-Chunks", strconv.Itoa(m.Total))
	h.Set("Content-Type", "application/octet-stream")
	zip := m.Encoding == "" && v2(r) && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	if m.Encoding != "" || zip {
		h.Set("Content-Encoding", "gzip")
	}
	if n < m.Total {
		w.WriteHeader(http.StatusPartialContent)
	}
	if zip { // version 2 compresses each chunk for who can read it
		z := gzip.NewWriter(w)
		defer z.Close()
		z.Write(m.Chunks[n-1]) // whoever asked may have gone
		return
	}
	w.Write(m.Chunks[n-1])
}

func (s *Service) acknowledge(w http.ResponseWriter, r *http.Request) {
	m := s.find(r.PathValue("id"))
	switch {
	case m == nil:
		s.fail(w, r, 404, "RECEIVE", "20", "Message does not exist")
	case m.To != r.PathValue("box"):
		s.fail(w, r, 403, "", "", "")
	default:
		if m.Status == "accepted" {
			m.Status = "acknowledged"
		}
		write(w, r, 200, map[string]string{"messageId": m.ID})
	}
}

func (s *Service) lookup(w http.ResponseWriter, r *http.Request, ods, workflow string) {
	found := []map[string]string{}
	for _, m := range s.config.Mailboxes {
		if m.ODS == ods && slices.Contains(m.Workflows, workflow) {
			found = append(found, map[string]string{"mailbox_id": m.ID, "mailbox_name": m.Name})
		}
	}
	write(w, r, 200, map[string]any{"results": found})
}
