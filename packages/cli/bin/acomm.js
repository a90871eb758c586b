#!/usr/bin/env node
// stands here so that a workspace can link the command before anything is built
import "../dist/main.js";
