// Preloaded by the scripts of npm test. Each test file and each server is a process, and a third of its time went into
// compiling the same sources again. Node keeps what it has compiled in this folder, by the hash of each source.
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '../node_modules/.cache/node')
enableCompileCache(folder)
process.env.NODE_COMPILE_CACHE = folder
