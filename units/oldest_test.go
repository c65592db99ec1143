package units_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/gopm/gopm/units/verify"
)

// oldest is the version of systemd that every unit must work with, unless
// --systemd-version says that the app never runs on so old a one.
const oldest = 249

// newer are the directives that came later, and in which version: "Added in
// version" in the man pages of systemd 257. An older systemd ignores them, with
// no more than a line in the journal.
var newer = map[string]int{
	// systemd.unit(5)
	"ConditionCPUPressure": 250, "ConditionCredential": 252, "ConditionIOPressure": 250,
	"ConditionMemoryPressure": 250, "SurviveFinalKillSignal": 255, "WantsMountsFor": 256,
	// systemd.service(5)
	"ExitType": 250, "FileDescriptorStorePreserve": 254, "OpenFile": 253, "ReloadSignal": 253,
	"RestartMaxDelaySec": 254, "RestartMode": 254, "RestartSteps": 254, "RuntimeRandomizedExtraSec": 250,
	// systemd.exec(5)
	"BindLogSockets": 257, "ExecSearchPath": 250, "ExtensionDirectories": 251, "ExtensionImagePolicy": 254,
	"ImportCredential": 254, "LoadCredentialEncrypted": 250, "LogFilterPatterns": 253, "MemoryKSM": 254,
	"MountImagePolicy": 254, "PrivatePIDs": 257, "RestrictFileSystems": 250, "RootEphemeral": 254,
	"RootImagePolicy": 254, "SetCredentialEncrypted": 250, "SetLoginEnvironment": 255, "TTYColumns": 250, "TTYRows": 250,
	// systemd.socket(5), systemd.timer(5)
	"DeferReactivation": 257, "PassFileDescriptorsToExec": 256, "PollLimitBurst": 255, "PollLimitIntervalSec": 255,
	// systemd.resource-control(5)
	"CoredumpReceive": 255, "DelegateSubgroup": 254, "ManagedOOMMemoryPressureDurationSec": 257,
	"MemoryPressureThresholdSec": 254, "MemoryPressureWatch": 254, "MemoryZSwapWriteback": 256, "RestrictNetworkInterfaces": 250,
}

// checkVersion reports the directives of a unit that a systemd does not know.
func checkVersion(t *testing.T, name, text string, version int) {
	t.Helper()
	directives, err := verify.Parse(text)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	for _, d := range directives {
		if since := newer[d.Key]; since > version {
			t.Errorf("%s: %s= is known since systemd %d, and %d must do", name, d.Key, since, version)
		}
	}
}

func TestShippedUnitsNeedNoNewSystemd(t *testing.T) {
	var checked int
	for _, pattern := range []string{"*.service", "*.socket", "user/*.service", "user/*.socket"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			checked++
			checkVersion(t, name, string(text), oldest)
		}
	}
	if checked != 4 {
		t.Errorf("%d units were checked, want the activator's two of either manager", checked)
	}
}

// TestGeneratedUnitsNeedNoNewSystemd looks at the units of every conversion that
// gopm-gen is tested with.
func TestGeneratedUnitsNeedNoNewSystemd(t *testing.T) {
	asked := regexp.MustCompile(`(?m)^gopm-gen .*--systemd-version[ =](\d+)`)
	archives := os.DirFS("../cmd/gopm-gen/testdata")
	names, err := fs.Glob(archives, "*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	checked, exempt := 0, 0
	for _, name := range names {
		text, err := fs.ReadFile(archives, name)
		if err != nil {
			t.Fatal(err)
		}
		archive := txtar.Parse(text)
		version := oldest
		if found := asked.FindSubmatch(archive.Comment); found != nil {
			if version, err = strconv.Atoi(string(found[1])); err != nil {
				t.Fatal(err)
			}
			exempt++
		}
		for _, f := range archive.Files {
			switch path.Ext(f.Name) {
			case ".service", ".socket", ".target", ".timer", ".conf":
			default:
				continue
			}
			if rest, wanted := strings.CutPrefix(f.Name, "want/"); wanted && strings.Contains(rest, "/systemd/") {
				checked++
				checkVersion(t, name+": "+rest, string(f.Data), version)
			}
		}
	}
	if checked == 0 || exempt == 0 {
		t.Errorf("%d units were checked, %d conversions are for a newer systemd: want some of both", checked, exempt)
	}
}
