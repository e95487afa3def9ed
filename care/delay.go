package care

import "time"

// DelayDays is the national delay in whole days.
func (s Stay) DelayDays(loc *time.Location) int { return 0 }

// NotMeetingDays is the local total of days not meeting the criteria to reside.
func (s Stay) NotMeetingDays(loc *time.Location) int { return 0 }
