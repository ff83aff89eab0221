/**
 * Starts the server as `npm start` does. For each SIGUSR2 it prints the longest delay of its event loop, and the most time of
 * the processor that its thread took in one turn, which does not count what other processes take.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { banner } from '@kabutar/server/banner.ts'
import { jsonLog } from '@kabutar/server/log.ts'
import { readSettings } from '@kabutar/server/settings.ts'
import { startServer } from '@kabutar/server/wiring.ts'

const settings = readSettings()
const running = await startServer(settings, jsonLog(settings.logLevel))
const delays = monitorEventLoopDelay({ resolution: 5 })
delays.enable()
let before = process.threadCpuUsage()
let most = 0
const sample = () => {
  const { user, system } = process.threadCpuUsage(before)
  before = process.threadCpuUsage()
  most = Math.max(most, user + system)
}
setInterval(sample, 5)
process.on('SIGUSR2', () => {
  sample()
  process.stdout.write(`held ${Math.round(most / 1000)} of ${Math.round(delays.max / 1e6)}\n`)
  delays.reset()
  most = 0
})
process.once('SIGTERM', () => void running.stop(8000).then(() => process.exit(0)))
process.stdout.write(banner(running, settings))
