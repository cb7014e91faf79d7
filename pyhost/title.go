package pyhost

/*
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import "unsafe"

// SetTitle sets what ps(1) shows for this process in place of its command line; of a long title the beginning. It must be
// called before Start or, in a child of a zygote, while no Python code runs, as it moves the environment that C sees. Where the
// kernel does not allow that, the title is cut to the length of the command line, whose strings, which os.Args refers to,
// it takes the place of.
func SetTitle(title string) {
	text := C.CString(title)
	defer C.free(unsafe.Pointer(text))
	C.ps_title(text)
}
