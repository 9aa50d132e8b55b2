package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

// A source gives the resources of one log: from a web server, or from a directory with the same layout.
type source struct {
	url    string // URL prefix with a slash at the end, or empty
	dir    string // directory, or empty
	client *http.Client
}

func openSource(where string) (*source, error) {
	if strings.HasPrefix(where, "http://") || strings.HasPrefix(where, "https://") {
		transport := &http.Transport{MaxIdleConnsPerHost: readers}
		client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
		return &source{url: strings.TrimSuffix(where, "/") + "/", client: client}, nil
	}
	info, err := os.Stat(where)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is neither a URL nor a directory", where)
	}
	return &source{dir: where}, nil
}

// get returns the bytes of one resource. Anything but 200 is an error; nothing is retried or replaced.
func (s *source) get(path string) ([]byte, error) {
	if s.dir != "" {
		return os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(path)))
	}
	resp, err := s.client.Get(s.url + path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return body, nil
}

// torchwoodReader is the same log as torchwood's own programs read it.
func (s *source) torchwoodReader() (torchwood.TileReader, error) {
	if s.dir != "" {
		return torchwood.NewTileFS(os.DirFS(s.dir))
	}
	return torchwood.NewTileFetcher(s.url, torchwood.WithConcurrencyLimit(readers), torchwood.WithHTTPClient(s.client))
}

// readers is how many requests may be under way at once.
const readers = 16

// tiles implements tlog.TileReader over a source. Tiles that tlog has authenticated are kept.
type tiles struct {
	source  *source
	kept    map[tlog.Tile][]byte
	fetched int
}

func (t *tiles) Height() int { return 8 }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(wanted))
	for i, tile := range wanted {
		if kept, ok := t.kept[tile]; ok {
			data[i] = kept
			continue
		}
		b, err := t.source.get(tilePath(tile))
		if err != nil {
			return nil, err
		}
		if len(b) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes, not %d", tilePath(tile), len(b), tile.W*tlog.HashSize)
		}
		data[i] = b
		t.fetched++
	}
	return data, nil
}

func (t *tiles) SaveTiles(confirmed []tlog.Tile, data [][]byte) {
	for i, tile := range confirmed {
		t.kept[tile] = data[i]
	}
}

// tilePath is x/mod's own path without the height, which c2sp.org/tlog-tiles leaves out, and with its word for bundles.
func tilePath(tile tlog.Tile) string {
	path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
	return strings.Replace(path, "tile/data/", "tile/entries/", 1)
}

// splitBundle cuts the bytes of an entry bundle (c2sp.org/tlog-tiles: a big-endian length of two bytes, then the entry)
// into exactly count entries, with nothing left over.
func splitBundle(bundle []byte, count int) ([][]byte, error) {
	entries := make([][]byte, 0, count)
	for len(bundle) > 0 {
		if len(bundle) < 2 {
			return nil, errors.New("half a length at the end of the bundle")
		}
		length := int(bundle[0])<<8 | int(bundle[1])
		if len(bundle) < 2+length {
			return nil, errors.New("the bundle ends inside an entry")
		}
		entries = append(entries, bundle[2:2+length])
		bundle = bundle[2+length:]
	}
	if len(entries) != count {
		return nil, fmt.Errorf("%d entries in the bundle, not %d", len(entries), count)
	}
	return entries, nil
}

func background() context.Context { return context.Background() }
