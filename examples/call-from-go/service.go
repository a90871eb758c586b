package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"time"
)

// #region serve

// serve answers requests for one task at a socket, one connection for each.
func serve(socket, task string, handle func(args json.RawMessage) (any, error)) error {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer connection.Close()
			connection.SetDeadline(time.Now().Add(10 * time.Second))
			var request Request
			if err := readFrame(connection, &request); err != nil {
				return
			}
			if request.Task != task || request.ResponseHook == nil || request.ResponseHook.Scheme != "unix" {
				writeFrame(connection, Response{Error: "unknown_task: this socket serves " + task + ", and answers to unix hooks"})
				return
			}
			// the acknowledgement first: from here on the caller counts it as accepted
			if writeFrame(connection, Response{}) == nil {
				answer(request, handle)
			}
		}()
	}
}

// answer runs the handler and brings its answer to the response hook.
func answer(request Request, handle func(args json.RawMessage) (any, error)) {
	response := Response{ID: request.ID}
	result, err := handle(request.Args)
	if err == nil {
		response.Result, err = json.Marshal(result)
	}
	if err != nil {
		response = Response{ID: request.ID, Error: err.Error()}
	}
	hook, err := net.Dial("unix", request.ResponseHook.Path)
	if err != nil {
		log.Print("nobody takes the answer: ", err)
		return
	}
	defer hook.Close()
	hook.SetDeadline(time.Now().Add(10 * time.Second))
	var acknowledgement Response
	if writeFrame(hook, response) != nil || readFrame(hook, &acknowledgement) != nil || acknowledgement.Error != "" {
		log.Print("the answer was not taken: ", acknowledgement.Error)
	}
}

// #endregion
