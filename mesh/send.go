package mesh

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Outgoing is a file to be sent. Headers are read by whoever carries the message:
// nothing personal belongs in them.
type Outgoing struct {
	To       string // mailbox
	Workflow string
	LocalID  string // ours; the service does not look whether it had it before
	Subject  string
	FileName string
	Type     string // media type of Body
	Body     []byte
	Compress bool // each chunk by gzip
}

func (o Outgoing) check() error {
	if o.To == "" || o.Workflow == "" {
		return errors.New("a message for MESH needs a mailbox and a workflow")
	}
	if len(o.Body) == 0 {
		return errors.New("a message for MESH needs a file that is not empty")
	}
	for _, s := range []string{o.To, o.Workflow, o.LocalID, o.Subject, o.FileName, o.Type} {
		if s != "" && !plain(s) {
			return errors.New("a message for MESH has a header with signs that cannot stand there")
		}
	}
	return nil
}

// Chunks is in how many pieces a file of so many octets goes.
func (c *Client) Chunks(size int) int { return max((size+c.config.ChunkSize-1)/c.config.ChunkSize, 1) }

// Send sends a file and returns the service's id of it. With an id and an error
// the first chunks are there, and Resume may send the others. MESH 2 outbox
func (c *Client) Send(ctx context.Context, o Outgoing) (id string, err error) {
	if err := o.check(); err != nil {
		return "", err
	}
	first, err := c.chunk(o, 1)
	if err != nil {
		return "", err
	}
	first.path = c.box("/outbox")
	a, err := c.ask(ctx, first)
	if err != nil {
		return "", err
	}
	var sent struct {
		V2 string `json:"message_id"`
		V1 string `json:"messageID"`
	}
	if err := a.json(&sent); err != nil {
		return "", err
	}
	if id = sent.V2 + sent.V1; !plain(id) || strings.ContainsAny(id, "/?# ") {
		return "", errors.New("sending by MESH: its answer holds no id")
	}
	return id, c.Resume(ctx, id, o)
}

// Resume sends the second chunk and all after it of a message whose first chunk is
// there. A chunk that came before is replaced. MESH 2 outbox chunk
func (c *Client) Resume(ctx context.Context, id string, o Outgoing) error {
	for n := 2; n <= c.Chunks(len(o.Body)); n++ {
		next, err := c.chunk(o, n)
		if err != nil {
			return err
		}
		next.path = c.box("/outbox/" + url.PathEscape(id) + "/" + strconv.Itoa(n))
		if _, err := c.ask(ctx, next); err != nil {
			return fmt.Errorf("sending chunk %d of %d: %w", n, c.Chunks(len(o.Body)), err)
		}
	}
	return nil
}

// chunk is the request for one piece, counted from 1.
func (c *Client) chunk(o Outgoing, n int) (call, error) {
	from := (n - 1) * c.config.ChunkSize
	body := o.Body[from:min(from+c.config.ChunkSize, len(o.Body))]
	h := map[string]string{"Content-Type": "application/octet-stream", "Mex-Chunk-Range": fmt.Sprintf("%d:%d", n, c.Chunks(len(o.Body)))}
	if n == 1 {
		h["Mex-From"], h["Mex-To"], h["Mex-WorkflowID"], h["Mex-LocalID"] = c.config.Mailbox, o.To, o.Workflow, o.LocalID
		h["Mex-Subject"], h["Mex-FileName"], h["Mex-MessageType"] = o.Subject, o.FileName, "DATA"
		if o.Type != "" {
			h["Content-Type"] = o.Type
		}
	}
	if o.Compress {
		h["Content-Encoding"] = "gzip"
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(body) // a buffer takes all
		if err := z.Close(); err != nil {
			return call{}, fmt.Errorf("compressing a chunk: %w", err)
		}
		body = b.Bytes()
	}
	return call{method: http.MethodPost, header: h, body: body}, nil
}

// unzip reads one or more gzip members after one another, as chunks that were
// compressed one by one become.
func unzip(b []byte, most int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, unreadable("what MESH holds says that it is compressed and is not")
	}
	out, err := io.ReadAll(io.LimitReader(z, most+1))
	if err != nil {
		return nil, unreadable("what MESH holds is compressed and breaks off")
	}
	if int64(len(out)) > most {
		return nil, errTooLarge
	}
	return out, nil
}
