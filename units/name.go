package units

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// longestName keeps the longest name made from it, a socket below /run/gopm,
// inside the 107 bytes of sun_path (unix(7)), and readable.
const longestName = 64

// longestAccount is what useradd(8) and systemd allow (UT_NAMESIZE - 1).
const longestAccount = 31

// AppName makes from any text the name that an app's units share: ASCII
// letters, digits, `.`, `_` and single `-`. It says whether the name is another
// one than the text. A text with nothing readable in it gets a name made of its
// checksum, so the same text always ends in the same units.
func AppName(text string) (name string, changed bool) {
	var b strings.Builder
	dash := false
	// NFKD parts a letter from its accents and a full-width letter from its width.
	for _, r := range norm.NFKD.String(text) {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '.':
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r):
			// An accent on the letter before it.
		default:
			dash = true
		}
	}
	// A unit whose name begins with a dot is a hidden file, and one that ends in
	// a dot reads as if its type were missing.
	name = strings.Trim(b.String(), ".-")
	if strings.Trim(name, "._-") == "" {
		name = "app-" + checksum(text)
	}
	if len(name) > longestName {
		name = strings.TrimRight(name[:longestName-9], ".-") + "-" + checksum(text)
	}
	return name, name != text
}

// AccountName makes from an app's name the name of the system account that its
// workers run as.
func AccountName(app string) string {
	name := strings.ReplaceAll(app, ".", "-")
	if name[0] >= '0' && name[0] <= '9' || name[0] == '-' {
		name = "_" + name
	}
	if len(name) > longestAccount {
		name = name[:longestAccount-9] + "-" + checksum(app)
	}
	return name
}

// checksum returns eight hexadecimal digits that tell texts apart.
func checksum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}
