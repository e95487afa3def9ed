package hub

import (
	"context"

	"homeward/care"
	"homeward/translate"
)

// Inbound is one interaction of a face as it came.
type Inbound struct {
	Face        string // "shd": with the client it names the feed
	What        string // what the face calls it: "refer-patient"
	RequestID   string // X-Request-Id, Bundle id; "" for none
	Correlation string
	Media       string // Content-Type, as told
	Raw         []byte
	Problem     string // why it could not be understood: it is only kept
}

// Taken is what came of an interaction.
type Taken struct {
	Case     care.CaseID
	Referral care.ReferralID
	Paper    string // id of the paper
	Note     string // id of the note
	Visit    string // of the stay
	Created  bool   // something is there that was not
	Again    bool   // it came before, with the same body: it had its effect then
	Message  int64  // the kept message
}

// Take keeps an interaction and carries out what it asks, in one transaction.
func (h *Hub) Take(ctx context.Context, by care.Actor, in Inbound, reqs ...translate.Request) (Taken, error) {
	return Taken{}, &care.Error{Kind: care.Exception, Text: "Homeward cannot take this yet"}
}

// Refused keeps an interaction that could not be read or may not be asked for,
// with the reason.
func (h *Hub) Refused(ctx context.Context, by care.Actor, in Inbound) error {
	return &care.Error{Kind: care.Exception, Text: "Homeward cannot keep this yet"}
}
