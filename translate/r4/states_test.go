package r4

import (
	"testing"

	"homeward/care"
)

// TestEveryStateHasAStatus finds a state of referrals that a Task cannot say.
func TestEveryStateHasAStatus(t *testing.T) {
	for _, s := range []care.RefState{care.RefSent, care.RefReceived, care.RefAccepted, care.RefReturned, care.RefAllocated, care.RefAssessing, care.RefPlanning,
		care.RefSourcing, care.RefReady, care.RefDischarged, care.RefClosed, care.RefWithdrawn, care.RefCancelled, care.RefDied, care.RefOnHold, care.RefTransferred} {
		if taskStates[s] == "" {
			t.Errorf("%s has no Task.status", s)
		}
	}
	for s, want := range map[care.RefState]string{care.RefOnHold: "on-hold", care.RefTransferred: "revoked", care.RefClosed: "completed", care.RefReady: "active"} {
		if got := requestStatus(care.Referral{State: s}); got != want {
			t.Errorf("a request that is %s is %s, want %s", s, got, want)
		}
	}
}
