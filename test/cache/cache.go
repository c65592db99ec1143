// Package cache is where tests keep what takes long to fetch.
package cache

import (
	"fmt"
	"os"
	"path/filepath"
)

// Dir is $GOPM_TEST_CACHE, or gopm-test in the user's cache folder.
func Dir() (string, error) {
	if dir := os.Getenv("GOPM_TEST_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w (or set GOPM_TEST_CACHE)", err)
	}
	return filepath.Join(dir, "gopm-test"), nil
}
