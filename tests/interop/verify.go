package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// tileWidth is the number of entries in a full bundle and of hashes in a full tile.
const tileWidth = 256

// verifyLog reads the whole log twice, once with x/mod and once with torchwood.
func verifyLog(where, vkeyFile string, wantSize int64, acksFile string) (map[string]any, error) {
	report := map[string]any{"log": where}
	verifier, err := readVerifier(vkeyFile)
	if err != nil {
		return report, err
	}
	src, err := openSource(where)
	if err != nil {
		return report, err
	}
	checkpoint, err := src.get("checkpoint")
	if err != nil {
		return report, err
	}
	tree, err := openCheckpoint(checkpoint, verifier)
	if err != nil {
		return report, fmt.Errorf("checkpoint: %w", err)
	}
	report["origin"], report["size"], report["root"] = verifier.Name(), tree.N, hex.EncodeToString(tree.Hash[:])
	if wantSize >= 0 && tree.N != wantSize {
		return report, fmt.Errorf("checkpoint: size %d, not %d", tree.N, wantSize)
	}
	if err := checkTorchwoodCheckpoint(checkpoint, verifier, tree); err != nil {
		return report, err
	}
	if tree.N == 0 { // nothing but a checkpoint; x/mod's TileHashReader has no empty tree
		if tree.Hash != tlog.Hash(sha256.Sum256(nil)) {
			return report, fmt.Errorf("checkpoint: the root of an empty log is the SHA-256 of nothing")
		}
		return report, nil
	}

	tr := &tiles{source: src, kept: map[tlog.Tile][]byte{}}
	hashes := tlog.TileHashReader(tree, tr)
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return report, fmt.Errorf("right edge: %w", err)
	}
	if root != tree.Hash {
		return report, fmt.Errorf("right edge: root %s, checkpoint says %s", root, tree.Hash)
	}
	recordHashes, err := checkBundles(src, tree, hashes)
	report["entries_x_mod"] = len(recordHashes)
	if err != nil {
		return report, err
	}
	inclusion, consistency, err := checkProofs(tree, hashes, recordHashes)
	report["inclusion_proofs"], report["consistency_proofs"], report["tiles"] = inclusion, consistency, tr.fetched
	if err != nil {
		return report, err
	}
	entries, err := checkTorchwoodEntries(src, tree, recordHashes)
	report["entries_torchwood"] = entries
	if err != nil {
		return report, err
	}
	if acksFile != "" {
		acks, err := checkAcks(acksFile, recordHashes)
		report["acks"] = acks
		if err != nil {
			return report, err
		}
	}
	return report, nil
}

func readVerifier(vkeyFile string) (note.Verifier, error) {
	vkey, err := readTrimmed(vkeyFile)
	if err != nil {
		return nil, err
	}
	return note.NewVerifier(vkey)
}

// openCheckpoint takes the signed note apart with x/mod, and its text by hand: exactly origin, size and root.
func openCheckpoint(signed []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	parsed, err := torchwood.ParseCheckpoint(opened.Text)
	if err != nil {
		return tlog.Tree{}, err
	}
	again := fmt.Sprintf("%s\n%d\n%s\n", verifier.Name(), parsed.N, parsed.Hash)
	if opened.Text != again {
		return tlog.Tree{}, fmt.Errorf("its text is not exactly three lines of origin, size and root: %q", opened.Text)
	}
	return parsed.Tree, nil
}

// policy accepts what the log's own key signed for the log's own origin.
func policy(verifier note.Verifier) torchwood.Policy {
	return torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(verifier.Name()), torchwood.SingleVerifierPolicy(verifier))
}

func checkTorchwoodCheckpoint(signed []byte, verifier note.Verifier, tree tlog.Tree) error {
	checkpoint, _, err := torchwood.VerifyCheckpoint(signed, policy(verifier))
	if err != nil {
		return fmt.Errorf("checkpoint, by torchwood: %w", err)
	}
	if checkpoint.Tree != tree {
		return fmt.Errorf("checkpoint: torchwood reads %v, x/mod %v", checkpoint.Tree, tree)
	}
	return nil
}

// checkBundles hashes every entry of every bundle and compares with the authenticated level-0 tiles.
func checkBundles(src *source, tree tlog.Tree, hashes tlog.HashReader) ([]tlog.Hash, error) {
	recordHashes := make([]tlog.Hash, 0, tree.N)
	for n := int64(0); n*tileWidth < tree.N; n++ {
		width := int(min(tileWidth, tree.N-n*tileWidth))
		path := tilePath(tlog.Tile{H: 8, L: -1, N: n, W: width})
		bundle, err := src.get(path)
		if err != nil {
			return recordHashes, err
		}
		entries, err := splitBundle(bundle, width)
		if err != nil {
			return recordHashes, fmt.Errorf("%s: %w", path, err)
		}
		wanted := make([]int64, width)
		for i := range wanted {
			wanted[i] = tlog.StoredHashIndex(0, n*tileWidth+int64(i))
		}
		stored, err := hashes.ReadHashes(wanted)
		if err != nil {
			return recordHashes, fmt.Errorf("record hashes of tile %d: %w", n, err)
		}
		for i, entry := range entries {
			hash := tlog.RecordHash(entry)
			if hash != stored[i] {
				return recordHashes, fmt.Errorf("entry %d: its hash is %s, the tile says %s", n*tileWidth+int64(i), hash, stored[i])
			}
			recordHashes = append(recordHashes, hash)
		}
	}
	return recordHashes, nil
}

// checkProofs makes and checks an inclusion proof on both sides of each tile boundary and at the ends, and a consistency
// proof from the size at each boundary (and from size 1) to the whole log.
func checkProofs(tree tlog.Tree, hashes tlog.HashReader, recordHashes []tlog.Hash) (inclusion, consistency int, err error) {
	for boundary := int64(0); boundary < tree.N+tileWidth; boundary += tileWidth {
		boundary := min(boundary, tree.N)
		for _, index := range []int64{boundary - 1, boundary} {
			if index < 0 || index >= tree.N {
				continue
			}
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			if err != nil {
				return inclusion, consistency, fmt.Errorf("inclusion proof of %d: %w", index, err)
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, recordHashes[index]); err != nil {
				return inclusion, consistency, fmt.Errorf("inclusion proof of %d: %w", index, err)
			}
			inclusion++
		}
		old := max(boundary, 1)
		oldRoot, err := tlog.TreeHash(old, hashes)
		if err != nil {
			return inclusion, consistency, fmt.Errorf("root of size %d: %w", old, err)
		}
		proof, err := tlog.ProveTree(tree.N, old, hashes)
		if err != nil {
			return inclusion, consistency, fmt.Errorf("consistency proof from %d: %w", old, err)
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old, oldRoot); err != nil {
			return inclusion, consistency, fmt.Errorf("consistency proof from %d: %w", old, err)
		}
		consistency++
	}
	return inclusion, consistency, nil
}

// checkTorchwoodEntries reads every entry again as torchwood's client does, which verifies each by itself.
func checkTorchwoodEntries(src *source, tree tlog.Tree, recordHashes []tlog.Hash) (int64, error) {
	reader, err := src.torchwoodReader()
	if err != nil {
		return 0, err
	}
	client, err := torchwood.NewClient(reader)
	if err != nil {
		return 0, err
	}
	next := int64(0)
	for index, entry := range client.AllEntries(background(), tree, 0) {
		if index != next {
			return next, fmt.Errorf("torchwood gave entry %d where %d comes next", index, next)
		}
		if tlog.RecordHash(entry) != recordHashes[index] {
			return next, fmt.Errorf("entry %d: torchwood reads other bytes than x/mod", index)
		}
		next++
	}
	if err := client.Err(); err != nil {
		return next, fmt.Errorf("torchwood: %w", err)
	}
	if next != tree.N {
		return next, fmt.Errorf("torchwood stopped after %d of %d entries", next, tree.N)
	}
	last, proof, err := client.Entry(background(), tree, tree.N-1)
	if err != nil {
		return next, fmt.Errorf("torchwood, entry %d: %w", tree.N-1, err)
	}
	return next, tlog.CheckRecord(proof, tree.N, tree.Hash, tree.N-1, tlog.RecordHash(last))
}

// checkAcks compares what the server acknowledged with what is in the log at that index.
func checkAcks(path string, recordHashes []tlog.Hash) (int, error) {
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	count := 0
	for lines := bufio.NewScanner(file); lines.Scan(); count++ {
		var index int64
		var want string
		if _, err := fmt.Sscanf(lines.Text(), "%d %s", &index, &want); err != nil {
			return count, fmt.Errorf("%s: line %d: %w", path, count+1, err)
		}
		if index < 0 || index >= int64(len(recordHashes)) {
			return count, fmt.Errorf("entry %d was acknowledged, the log has %d entries", index, len(recordHashes))
		}
		if hex.EncodeToString(recordHashes[index][:]) != want {
			return count, fmt.Errorf("entry %d is not the one that was acknowledged with that index", index)
		}
	}
	return count, nil
}

// verifyProof checks a c2sp.org/tlog-proof file offline with torchwood.
func verifyProof(proofFile, entryFile, vkeyFile string) (map[string]any, error) {
	report := map[string]any{"proof": proofFile}
	verifier, err := readVerifier(vkeyFile)
	if err != nil {
		return report, err
	}
	proof, err := os.ReadFile(filepath.Clean(proofFile))
	if err != nil {
		return report, err
	}
	entry, err := os.ReadFile(filepath.Clean(entryFile))
	if err != nil {
		return report, err
	}
	hash := tlog.RecordHash(entry)
	report["leaf_hash"] = hex.EncodeToString(hash[:])
	return report, torchwood.VerifyProof(policy(verifier), hash, proof)
}

// keygen writes a new Ed25519 key as x/mod encodes it: skey (secret, mode 0600) and vkey.
func keygen(name, dir string) error {
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "skey"), bytes.TrimSpace([]byte(skey)), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "vkey"), []byte(vkey+"\n"), 0o600)
}
