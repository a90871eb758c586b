#!/usr/bin/env node
// the command of the package that brings it, for who installed only this one
import "@acomm/cli/main";
