// Package trustedpath opens files by name for a process that may be root, in folders that others may write. Whoever can
// write a folder on the way can put a symbolic link there, or change one, at any moment. So root follows
// only the links that are root's own, one folder after the other by descriptors; what is found at the end is
// opened, made or removed in the folder that was reached, whatever its name leads to by then. Other users
// have no powers to lend: for them it is all as with package os.
//
// It decides nothing about owners: to use the powers of a user rather than root's, open as that user.
package trustedpath
