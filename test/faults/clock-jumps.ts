/** Preloaded into a server: its time of day differs by as many milliseconds as CLOCK_FILE says, read again at SIGUSR2. */
import { readFileSync } from 'node:fs'

const read = () => Number(readFileSync(process.env.CLOCK_FILE ?? '', 'utf8'))
let aheadMs = read()
process.on('SIGUSR2', () => {
  aheadMs = read()
})
const RealDate = Date
const now = () => RealDate.now() + aheadMs

globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, newTarget) => Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
  get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
})
