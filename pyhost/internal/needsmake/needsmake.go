// Package needsmake stops a build that does not know which Python to embed, with a message that says how
// to go on. It depends on nothing, so that it is compiled, and its message printed, whatever else fails.
package needsmake

// #include "needsmake.h"
import "C"
