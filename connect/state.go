package connect

// StateTeller is a Connector whose messages of some kinds tell how things stand,
// and not what changed: then the newest of several that wait tells them all.
type StateTeller interface {
	StateIsEnough(Kind) bool
}
