// Package faults breaks what can break, on purpose, against the built binary:
// it kills the process, fills the disk, takes the database away, stalls, sends
// garbage, and stops it in the middle of its work. It holds tests only, knows
// Homeward by its wire and its commands, and is no part of the product.
//
// HOMEWARD_KILLS is how often the process is killed on each database (12), and
// HOMEWARD_LONG=1 keeps the database away for 30 seconds and not 3.
package faults
