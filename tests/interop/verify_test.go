package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	vectors = "../data/vectors"
	vkey    = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
)

// copyOfTestLog gives a writable copy of Tessera's own 15-entry log and a file with its vkey.
func copyOfTestLog(t *testing.T) (dir, vkeyFile string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(vectors, "tessera-testlog/testdata/log"))); err != nil {
		t.Fatal(err)
	}
	vkeyFile = filepath.Join(t.TempDir(), "vkey")
	if err := os.WriteFile(vkeyFile, []byte(vkey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, vkeyFile
}

func flip(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 1
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEverySizeOfTesserasLogVerifies(t *testing.T) {
	dir, vkeyFile := copyOfTestLog(t)
	for size, name := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"} {
		b, err := os.ReadFile(filepath.Join(dir, "checkpoint."+name))
		if err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(filepath.Join(dir, "checkpoint"))
		if err := os.WriteFile(filepath.Join(dir, "checkpoint"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := verifyLog(dir, vkeyFile, int64(size), ""); err != nil {
			t.Errorf("size %d: %v", size, err)
		}
	}
}

func TestOneFlippedBitIsFound(t *testing.T) {
	for _, c := range []struct {
		file string
		at   int
		says string
	}{
		{"tile/entries/000.p/15", 2, "entry 0: its hash"},
		{"tile/entries/000.p/15", 9, "entry 1: its hash"},
		{"tile/entries/000.p/15", 1, "tile/entries/000.p/15"},
		{"tile/0/000.p/15", 0, "inconsistent tile"},
		{"tile/0/000.p/15", 479, "inconsistent tile"},
		{"checkpoint", 25, "checkpoint"},
		{"checkpoint", 40, "checkpoint"},
		{"checkpoint", 120, "checkpoint"},
	} {
		dir, vkeyFile := copyOfTestLog(t)
		flip(t, filepath.Join(dir, c.file), c.at)
		_, err := verifyLog(dir, vkeyFile, 15, "")
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s with byte %d bent: %v", c.file, c.at, err)
		}
	}
}

func TestAcknowledgementsAreComparedByIndex(t *testing.T) {
	dir, vkeyFile := copyOfTestLog(t)
	// Leaf hashes of "one" and "two", the first two entries.
	one := "d0d7360ab79f58ab1e1e3fe64ad77e2ea0bc07e36b5f46ed2223edd9298df9e9"
	two := "ab1ab7f07c7c8fe0eff4ba6faa53c7e4412e91a599153e8aa4e01beece5b7825"
	for acks, holds := range map[string]bool{
		"1 " + two + "\n0 " + one + "\n": true,
		"0 " + two + "\n":                false,
		"15 " + two + "\n":               false,
		"one " + one + "\n":              false,
	} {
		file := filepath.Join(t.TempDir(), "acks")
		if err := os.WriteFile(file, []byte(acks), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := verifyLog(dir, vkeyFile, 15, file); (err == nil) != holds {
			t.Errorf("%q: %v", acks, err)
		}
	}
}

func TestOtherSizeIsRefused(t *testing.T) {
	dir, vkeyFile := copyOfTestLog(t)
	if _, err := verifyLog(dir, vkeyFile, 14, ""); err == nil {
		t.Error("a log of 15 entries passed as one of 14")
	}
}

func TestTlogProofIsBoundToItsEntry(t *testing.T) {
	policyText, err := os.ReadFile(filepath.Join(vectors, "generated/policy.txt"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	vkeyFile, entryFile := filepath.Join(dir, "vkey"), filepath.Join(dir, "entry")
	for _, line := range strings.Split(string(policyText), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "log" {
			if err := os.WriteFile(vkeyFile, []byte(fields[1]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for entry, holds := range map[string]bool{"entry 300": true, "entry 301": false} {
		if err := os.WriteFile(entryFile, []byte(entry), 0o600); err != nil {
			t.Fatal(err)
		}
		proof := filepath.Join(vectors, "generated/entry-300-of-513.tlog-proof")
		if _, err := verifyProof(proof, entryFile, vkeyFile); (err == nil) != holds {
			t.Errorf("%q: %v", entry, err)
		}
	}
}
