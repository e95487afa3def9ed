package extract

import "fmt"

// Stop is the rule that a full extract which would end too much waits for a
// person: ending is how many packages it would end, active how many the
// council has in place now, limitPercent the greatest share that may end
// unseen. A limit below 0 counts as 0; nothing stops while nothing is active.
func Stop(ending, active, limitPercent int) (stop bool, why string) {
	limit := max(limitPercent, 0)
	if ending <= 0 || active <= 0 || int64(ending)*100 <= int64(active)*int64(limit) {
		return false, ""
	}
	return true, fmt.Sprintf("This extract would end %d of %d packages in place. That is more than %d%%, so nothing was changed. "+
		"Check that the extract is whole, then apply it or throw it away.", ending, active, limit)
}
