package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
)

// #region messages

// Request is a task that a peer shall run.
type Request struct {
	ID           string          `json:"id"`
	Task         string          `json:"task"`
	ResponseHook *url.URL        `json:"responsehook"`
	StreamURL    *url.URL        `json:"stream_url"`
	Args         json.RawMessage `json:"args"`
	Ext          map[string]any  `json:"ext,omitempty"`
}

// Response is its answer, and the acknowledgement of every message.
type Response struct {
	Error     string          `json:"error"`
	ID        string          `json:"id"`
	Result    json.RawMessage `json:"result"`
	StreamURL *url.URL        `json:"stream_url"`
}

// #endregion

// #region frame

const maxFrameBytes = 16 << 20

func writeFrame(w io.Writer, message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	_, err = w.Write(append(frame, text...))
	return err
}

func readFrame(r io.Reader, message any) error {
	var length uint32
	if err := binary.Read(r, binary.BigEndian, &length); err != nil {
		return err
	}
	if length > maxFrameBytes {
		return fmt.Errorf("a frame of %d bytes is too long", length)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return err
	}
	return json.Unmarshal(text, message)
}

// #endregion
