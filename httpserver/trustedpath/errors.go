package trustedpath

import "errors"

// ErrLink says that there is a symbolic link on the way that root does not follow, as somebody else could change it.
var ErrLink = errors.New("a symbolic link of another user is on the way, which root does not follow")

// ErrHardLink says that a file has other names, and lies where others could have given it this one.
var ErrHardLink = errors.New("the file has more than one name, in a folder of others: it may be anybody's")
