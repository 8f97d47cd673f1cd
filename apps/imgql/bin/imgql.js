#!/usr/bin/env node
// Here before anything is built, so that installing the workspace links it.
await import("../dist/cli/main.js")
