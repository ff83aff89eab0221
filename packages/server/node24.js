// Preloaded by every script, plain JavaScript so that an old Node can still say what is wrong.
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(
    `Kabutar needs Node 24 or later; this is ${process.version}. Run it through npm ("npm start"), which brings its own on Linux and Windows, or install Node 24.`,
  )
  process.exit(1)
}
