// Package ecosystem reads PM2's ecosystem files. It is the only room that knows
// PM2's words and the only one that runs JavaScript: it evaluates the file in
// goja, with no Node on the machine unless somebody asks for it, checks every
// attribute against one table, and returns typed apps.
package ecosystem
