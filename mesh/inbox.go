package mesh

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Inbox lists the messages that wait, oldest first, at most 500, and about how many
// there are. What is acknowledged is not listed. MESH 2 inbox
func (c *Client) Inbox(ctx context.Context) (ids []string, about int, err error) {
	a, err := c.ask(ctx, call{method: http.MethodGet, path: c.box("/inbox"), query: url.Values{"max_results": {"500"}}})
	if err != nil {
		return nil, 0, err
	}
	var list struct {
		Messages []string `json:"messages"`
		About    int      `json:"approx_inbox_count"`
	}
	if err := a.json(&list); err != nil {
		return nil, 0, err
	}
	for _, id := range list.Messages {
		if plain(id) && !strings.ContainsAny(id, "/?# ") {
			ids = append(ids, id)
		}
	}
	return ids, max(list.About, len(ids)), nil
}

// Incoming is a message that came: a file, or a report about one that we sent.
type Incoming struct {
	ID, From, Workflow, LocalID, Subject, FileName, Type string
	Body                                                 []byte
	Report                                               *Report // nil: a file
}

// Report says what became of a message of ours: that it could not be delivered.
// The service writes it into our inbox. MESH 2 reports
type Report struct {
	Message string // the service's id of what we sent
	LocalID string // ours
	Code    string // 14: nobody fetched it in time
}

// Get fetches a message, all its chunks. It stays in the inbox until it is
// acknowledged.
func (c *Client) Get(ctx context.Context, id string) (Incoming, error) {
	first, err := c.ask(ctx, call{method: http.MethodGet, path: c.box("/inbox/" + url.PathEscape(id)), most: c.config.MaxSize})
	if err != nil {
		return Incoming{}, err
	}
	h := first.header
	m := Incoming{ID: id, From: h.Get("Mex-From"), Workflow: h.Get("Mex-WorkflowID"), LocalID: h.Get("Mex-LocalID"), Subject: h.Get("Mex-Subject"),
		FileName: h.Get("Mex-FileName"), Type: h.Get("Mex-Content-Type")}
	if m.Type == "" {
		m.Type = h.Get("Content-Type")
	}
	if strings.EqualFold(h.Get("Mex-MessageType"), "REPORT") {
		m.Report = &Report{Message: h.Get("Mex-LinkedMsgID"), LocalID: m.LocalID, Code: h.Get("Mex-StatusCode")}
		return m, nil
	}
	total, err := chunks(h.Get("Mex-Chunk-Range"), first.status)
	if err != nil {
		return Incoming{}, err
	}
	body, zipped := first.body, h.Get("Content-Encoding") == "gzip"
	for n := 2; n <= total; n++ {
		next, err := c.ask(ctx, call{method: http.MethodGet, path: c.box("/inbox/" + url.PathEscape(id) + "/" + strconv.Itoa(n)), most: c.config.MaxSize})
		if err != nil {
			return Incoming{}, fmt.Errorf("fetching chunk %d of %d: %w", n, total, err)
		}
		if (next.header.Get("Content-Encoding") == "gzip") != zipped {
			return Incoming{}, unreadable("fetching by MESH: some chunks are compressed and some are not")
		}
		if int64(len(body)+len(next.body)) > c.config.MaxSize {
			return Incoming{}, errTooLarge
		}
		body = append(body, next.body...)
	}
	if zipped {
		body, err = unzip(body, c.config.MaxSize)
	}
	m.Body = body
	return m, err
}

// maxChunks bounds what a header can make us ask for.
const maxChunks = 10_000

// chunks reads "1:n"; 206 says that there are more.
func chunks(s string, status int) (int, error) {
	if s == "" && status != http.StatusPartialContent {
		return 1, nil
	}
	_, after, _ := strings.Cut(s, ":")
	n, err := strconv.Atoi(strings.TrimSpace(after))
	if err != nil || n < 1 || n > maxChunks || n == 1 && status == http.StatusPartialContent {
		return 0, unreadable("fetching by MESH: it does not say how many chunks there are")
	}
	return n, nil
}

// Acknowledge says that a message is safe with us: the service may forget it. Doing
// it twice does no harm. MESH 2 acknowledge
func (c *Client) Acknowledge(ctx context.Context, id string) error {
	_, err := c.ask(ctx, call{method: http.MethodPut, path: c.box("/inbox/" + url.PathEscape(id) + "/status/acknowledged")})
	return err
}
