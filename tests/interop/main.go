// Verifylog reads a log in the layout of c2sp.org/tlog-tiles with Go libraries that Deedbook shares no code with
// (golang.org/x/mod/sumdb and filippo.io/torchwood) and says whether everything in it verifies.
//
//	verifylog log    --log URL|DIR --vkey FILE [--size N] [--acks FILE]
//	verifylog proof  --proof FILE --entry FILE --vkey FILE
//	verifylog keygen --name ORIGIN --dir DIR
//
// Each verb but keygen prints one JSON object on standard output. Exit code 0: all of it holds; 1: something does not,
// and the field "error" says what; 2: the command line is wrong.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	switch os.Args[1] {
	case "log":
		logVerb(os.Args[2:])
	case "proof":
		proofVerb(os.Args[2:])
	case "keygen":
		keygenVerb(os.Args[2:])
	default:
		usage()
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: verifylog log --log URL|DIR --vkey FILE [--size N] [--acks FILE]\n"+
		"       verifylog proof --proof FILE --entry FILE --vkey FILE\n"+
		"       verifylog keygen --name ORIGIN --dir DIR")
	os.Exit(2)
}

func logVerb(args []string) {
	flags := flag.NewFlagSet("log", flag.ExitOnError)
	where := flags.String("log", "", "URL prefix or directory of the log")
	vkeyFile := flags.String("vkey", "", "file with the log's vkey; its name is the origin")
	size := flags.Int64("size", -1, "size that the checkpoint must have; any when left out")
	acks := flags.String("acks", "", "file of acknowledgements, one \"INDEX LEAF-HASH-IN-HEX\" a line")
	_ = flags.Parse(args)
	if *where == "" || *vkeyFile == "" || flags.NArg() > 0 {
		usage()
	}
	report, err := verifyLog(*where, *vkeyFile, *size, *acks)
	finish(report, err)
}

func proofVerb(args []string) {
	flags := flag.NewFlagSet("proof", flag.ExitOnError)
	proof := flags.String("proof", "", "a .tlog-proof file")
	entry := flags.String("entry", "", "file with the bytes of the entry")
	vkeyFile := flags.String("vkey", "", "file with the log's vkey; its name is the origin")
	_ = flags.Parse(args)
	if *proof == "" || *entry == "" || *vkeyFile == "" || flags.NArg() > 0 {
		usage()
	}
	report, err := verifyProof(*proof, *entry, *vkeyFile)
	finish(report, err)
}

func keygenVerb(args []string) {
	flags := flag.NewFlagSet("keygen", flag.ExitOnError)
	name := flags.String("name", "", "key name, which is the origin")
	dir := flags.String("dir", "", "directory that gets the files skey and vkey")
	_ = flags.Parse(args)
	if *name == "" || *dir == "" || flags.NArg() > 0 {
		usage()
	}
	if err := keygen(*name, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "verifylog keygen:", err)
		os.Exit(1)
	}
}

// finish prints the report, with the error in it if there is one, and ends the program.
func finish(report map[string]any, err error) {
	report["ok"] = err == nil
	if err != nil {
		report["error"] = err.Error()
	}
	out, marshalErr := json.Marshal(report)
	if marshalErr != nil {
		fmt.Fprintln(os.Stderr, "verifylog:", marshalErr)
		os.Exit(1)
	}
	fmt.Println(string(out))
	if err != nil {
		os.Exit(1)
	}
}

// readTrimmed reads a small text file and drops white space at its ends.
func readTrimmed(path string) (string, error) {
	b, err := os.ReadFile(filepath.Clean(path))
	return strings.TrimSpace(string(b)), err
}
