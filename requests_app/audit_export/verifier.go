// Verifier checks a folder that a portal exported from its ledger. It trusts nothing but the standard library,
// golang.org/x/mod/sumdb (what the go command itself checks every module with), and the keys in FOLDER/*/vkey: compare
// their fingerprints with the ones that the controller names to you.
//
//	verifier FOLDER                 signatures, the whole tree, the chain of logs, the proofs, approval before deletion
//	verifier FOLDER OLDER           the same; and nothing changed since OLDER, an older folder or checkpoint
//	verifier FOLDER report FILE     the same; and the ledger names the SHA-256 of this completion report
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type entry struct { // what an entry says, as far as it is looked at here
	At, Type, Object string
	Facts            struct {
		Plan, Sha256, Root string
		Size               int64
	}
}

type ledger struct { // one year's log
	tlog.Tree
	vkey    string
	entries []entry
	hashes  []tlog.Hash
}

func main() {
	if len(os.Args) < 2 || len(os.Args) > 4 || len(os.Args) == 4 && os.Args[2] != "report" {
		fail("usage: verifier FOLDER [OLDER | report FILE]")
	}
	logs := open(os.Args[1])
	order(logs)
	proofs(os.Args[1], logs)
	if len(os.Args) == 3 {
		older(os.Args[2], logs)
	} else if len(os.Args) == 4 {
		report(os.Args[3], logs)
	}
	fmt.Println("This folder holds.")
}

// open reads every log, oldest first, and checks that each begins with how the one before it ended.
func open(folder string) (logs []*ledger) {
	files := glob(folder, "*/checkpoint")
	if len(files) == 0 {
		fail("%s holds no log", folder)
	}
	for _, file := range files {
		log := rebuild(filepath.Dir(file))
		first := log.entries[0]
		if first.Type == "log.opened" && len(logs) == 0 {
			fmt.Printf("  an older log is not in this folder: it ended at %d with the root %s\n", first.Facts.Size, first.Facts.Root)
		} else if (first.Type == "log.opened") != (len(logs) > 0) {
			fail("%s does not begin with how the log before it ended", log.vkey)
		} else if len(logs) > 0 {
			if last := logs[len(logs)-1]; first.Facts.Size != last.N || first.Facts.Root != fmt.Sprintf("%x", last.Hash[:]) {
				fail("%s names another end of the log before it", log.vkey)
			}
		}
		logs = append(logs, log)
	}
	return logs
}

// rebuild checks one log: its checkpoint's signature, and that its entries give every tile and the signed root.
func rebuild(folder string) *ledger {
	log := &ledger{vkey: strings.TrimSpace(string(read(folder, "vkey")))}
	log.Tree = signed(read(folder, "checkpoint"), log)
	for n := int64(0); n*256 < log.N; n++ {
		tile := tlog.Tile{H: 8, L: -1, N: n, W: width(log.N, n)}
		data := read(folder, tilePath(tile))
		for left := tile.W; left > 0; left-- {
			if len(data) < 2 || len(data) < 2+int(data[0])<<8+int(data[1]) {
				fail("%s: %s is cut", folder, tilePath(tile))
			}
			size := 2 + int(data[0])<<8 + int(data[1])
			log.add(data[2:size])
			data = data[size:]
		}
		if len(data) > 0 {
			fail("%s: %s is too long", folder, tilePath(tile))
		}
	}
	if log.rootAt(log.N) != log.Hash {
		fail("%s: the entries do not give the root that was signed", folder)
	}
	for _, tile := range tlog.NewTiles(8, 0, log.N) {
		if tile.W != width(log.N>>(8*uint(tile.L)), tile.N) {
			continue // one that led up to this size
		}
		data, err := tlog.ReadTileData(tile, log)
		if check(err); !bytes.Equal(data, read(folder, tilePath(tile))) {
			fail("%s: %s does not match the entries", folder, tilePath(tile))
		}
	}
	fmt.Printf("%s: %d entries\n  root %s\n  key fingerprint %x\n", folder, log.N, log.Hash, sha256.Sum256([]byte(log.vkey)))
	return log
}

// signed opens a checkpoint of this log. Lines of witnesses are passed over; aics-tlog checks them.
func signed(text []byte, log *ledger) (tree tlog.Tree) {
	key, err := note.NewVerifier(log.vkey)
	check(err)
	opened, err := note.Open(text, note.VerifierList(key))
	if err != nil {
		fail("a checkpoint is not signed by %s: %v", log.vkey, err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != key.Name() {
		fail("a checkpoint is not one of %s", key.Name())
	}
	tree.N, err = strconv.ParseInt(lines[1], 10, 64)
	check(err)
	tree.Hash, err = tlog.ParseHash(lines[2])
	if check(err); tree.N < 1 {
		fail("a checkpoint of %s is over nothing", key.Name())
	}
	return tree
}

// order checks that whatever was to be deleted stood on a list that a person had approved before.
func order(logs []*ledger) {
	approved, intents := map[string]bool{}, 0
	for _, log := range logs {
		for index, entry := range log.entries {
			switch plan := entry.Facts.Plan; entry.Type {
			case "approval.given":
				approved[plan] = true
			case "approval.withdrawn":
				delete(approved, plan)
			case "deletion.intended":
				if intents++; !approved[plan] {
					fail("entry %d of %s: a deletion was intended without an approval", index, log.vkey)
				}
			}
		}
	}
	fmt.Printf("%d intended deletions, each after the approval of its list\n", intents)
}

// proofs checks every proofs/*.tlog-proof against the .leaf beside it.
func proofs(folder string, logs []*ledger) {
	files := glob(folder, "proofs/*.tlog-proof")
	for _, file := range files {
		head, checkpoint, _ := strings.Cut(string(read(file)), "\n\n")
		lines := strings.Split(head, "\n")
		if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
			fail("%s is not a proof", file)
		}
		index, err := strconv.ParseInt(lines[1][len("index "):], 10, 64)
		check(err)
		var path tlog.RecordProof
		for _, line := range lines[2:] {
			hash, err := tlog.ParseHash(line)
			check(err)
			path = append(path, hash)
		}
		log := find(checkpoint, logs)
		tree, leaf := signed([]byte(checkpoint), log), read(strings.TrimSuffix(file, "tlog-proof")+"leaf")
		if err := tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(leaf)); err != nil || !log.grewFrom(tree) {
			fail("%s proves nothing", file)
		}
	}
	fmt.Printf("%d proofs hold\n", len(files))
}

// older checks that each log only grew from an older checkpoint, which somebody else kept.
func older(place string, logs []*ledger) {
	files := append(glob(place, "*/checkpoint"), glob(place, "checkpoint")...)
	if state, err := os.Stat(place); err == nil && !state.IsDir() {
		files = []string{place}
	}
	if len(files) == 0 {
		fail("%s holds no checkpoint", place)
	}
	for _, file := range files {
		log := find(string(read(file)), logs)
		if tree := signed(read(file), log); !log.grewFrom(tree) {
			fail("history was rewritten since %s: its %d entries are not the first of these %d", file, tree.N, log.N)
		}
		fmt.Printf("%s: nothing has changed since\n", file)
	}
}

// report looks for the entry that names the SHA-256 of this file.
func report(file string, logs []*ledger) {
	digest := fmt.Sprintf("%x", sha256.Sum256(read(file)))
	for _, log := range logs {
		for index, entry := range log.entries {
			if entry.Type == "report.exported" && entry.Facts.Sha256 == digest {
				fmt.Printf("%s: entry %d of %s, %s\n", file, index, strings.Split(log.vkey, "+")[0], entry.At)
				return
			}
		}
	}
	fail("no entry names %s: its SHA-256 is %s", file, digest)
}

func (log *ledger) add(leaf []byte) {
	var said entry
	if err := json.Unmarshal(leaf, &said); err != nil {
		fail("entry %d is not JSON", len(log.entries))
	}
	hashes, err := tlog.StoredHashes(int64(len(log.entries)), leaf, log)
	check(err)
	log.entries, log.hashes = append(log.entries, said), append(log.hashes, hashes...)
}

// ReadHashes makes a ledger a tlog.HashReader.
func (log *ledger) ReadHashes(indexes []int64) (hashes []tlog.Hash, err error) {
	for _, index := range indexes {
		hashes = append(hashes, log.hashes[index])
	}
	return hashes, nil
}

func (log *ledger) rootAt(size int64) tlog.Hash {
	root, err := tlog.TreeHash(size, log)
	check(err)
	return root
}

func (log *ledger) grewFrom(old tlog.Tree) bool {
	return old.N <= log.N && log.rootAt(old.N) == old.Hash
}

// find is the log whose name a checkpoint begins with.
func find(checkpoint string, logs []*ledger) *ledger {
	origin, _, _ := strings.Cut(checkpoint, "\n")
	for _, log := range logs {
		if strings.HasPrefix(log.vkey, origin+"+") {
			return log
		}
	}
	fail("there is no log %q in this folder", origin)
	return nil
}

// width is how much of the n-th tile is there when its level has this many hashes.
func width(count, n int64) int {
	if count -= n * 256; count > 256 {
		count = 256
	}
	return int(count)
}

// tilePath is where C2SP tlog-tiles keeps a tile: as Go does, without the height, and with another word for entries.
func tilePath(tile tlog.Tile) string {
	return strings.Replace(strings.Replace(tile.Path(), "tile/8/", "tile/", 1), "tile/data/", "tile/entries/", 1)
}

func read(parts ...string) []byte {
	data, err := os.ReadFile(filepath.Join(parts...))
	check(err)
	return data
}

func glob(folder, pattern string) []string {
	files, err := filepath.Glob(filepath.Join(folder, pattern)) // sorted
	check(err)
	return files
}

func check(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(format string, words ...interface{}) {
	fmt.Fprintf(os.Stderr, "DOES NOT HOLD: "+format+"\n", words...)
	os.Exit(1)
}
