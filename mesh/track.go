package mesh

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// Status is how far a message came.
type Status string

// The states of a message that was sent.
const (
	Uploading     Status = "uploading"    // not all chunks are there
	Accepted      Status = "accepted"     // it waits in the recipient's inbox
	Acknowledged  Status = "acknowledged" // the recipient has it
	Undeliverable Status = "undeliverable"
	Failed        Status = "error"
)

// Tracking is what the service knows of a message that we sent.
type Tracking struct {
	ID      string
	LocalID string
	Status  Status
	Code    string // of an error
}

// Track asks what became of a message, for 30 days. MESH 2 tracking
func (c *Client) Track(ctx context.Context, id string) (Tracking, error) {
	a, err := c.ask(ctx, call{method: http.MethodGet, path: c.box("/outbox/tracking"), query: url.Values{"messageID": {id}}})
	if err != nil {
		return Tracking{}, err
	}
	return tracking(a)
}

// ErrUnknown is that the service has nothing of ours under that local id.
var ErrUnknown = errors.New("MESH has no such message of ours")

// Find asks for a message by our own id of it: whether a try before this one came
// through. Where there are several, one of them is taken as accepted, and has no
// ID. The service has this in version 1 only.
func (c *Client) Find(ctx context.Context, localID string) (Tracking, error) {
	a, err := c.ask(ctx, call{method: http.MethodGet, path: c.box("/outbox/tracking/" + url.PathEscape(localID)), accept: "application/json"})
	var e *Error
	switch {
	case errors.As(err, &e) && e.Status == http.StatusNotFound:
		return Tracking{}, ErrUnknown
	case errors.As(err, &e) && e.Status == http.StatusMultipleChoices:
		return Tracking{LocalID: localID, Status: Accepted}, nil
	case err != nil:
		return Tracking{}, err
	}
	return tracking(a)
}

// tracking reads either version's form.
func tracking(a answer) (Tracking, error) {
	var t struct {
		ID2    string `json:"message_id"`
		Local2 string `json:"local_id"`
		Code2  string `json:"status_code"`
		ID1    string `json:"messageId"`
		Local1 string `json:"localId"`
		Code1  string `json:"statusCode"`
		Status string `json:"status"`
	}
	if err := a.json(&t); err != nil {
		return Tracking{}, err
	}
	out := Tracking{ID: t.ID2 + t.ID1, LocalID: t.Local2 + t.Local1, Code: t.Code2 + t.Code1, Status: Status(strings.ToLower(t.Status))}
	if out.Status == "" || !plain(out.ID) {
		return Tracking{}, errors.New("what MESH answered is not what it should be")
	}
	return out, nil
}
