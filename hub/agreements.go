package hub

import (
	"context"
	"fmt"

	"homeward/policy"
	"homeward/sharing"
	"homeward/store"
)

// SeedAgreements adds the versions that are not there yet, as they are, without
// anybody's approval: for the operator's command, the demo and tests.
func (h *Hub) SeedAgreements(ctx context.Context, as []sharing.Agreement) error {
	return h.update(ctx, func(tx *store.Tx) error {
		has, err := tx.Agreements()
		if err != nil {
			return err
		}
		there := map[string]bool{}
		for _, a := range has {
			there[versionName(a)] = true
		}
		for _, a := range as {
			if there[versionName(a)] {
				continue
			}
			if err := tx.PutAgreement(a); err != nil {
				return err
			}
			if err := tx.Audit(store.AuditRecord{At: h.now(), Actor: "operator", Action: string(policy.ManageAgreements), Allowed: true,
				Outcome: "added agreement " + versionName(a) + " as " + string(a.Status)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// versionName names a version in the audit.
func versionName(a sharing.Agreement) string { return fmt.Sprintf("%s version %d", a.ID, a.Version) }
