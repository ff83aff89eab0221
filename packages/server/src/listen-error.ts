import { SettingsError } from './settings.ts'
import { flagOf } from './settings-help.ts'
import { type Address, hostText } from './settings-values.ts'

/** Says in one line why a listener can't have its address, which setting that is, and what to do. */
export function listenError(setting: string, { host, port }: Address, cause: unknown): SettingsError {
  const { code, message } = cause as NodeJS.ErrnoException
  const example = `${setting}=${hostText(host)}:${port < 1024 ? port + 3000 : port + 1} or ${flagOf(setting)} …`
  const texts: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} of ${host} is in use by another program; stop that one, or set another port, such as ${example}`,
    EACCES: `port ${port} may only be used by root; set another port, such as ${example}, or give the process the capability CAP_NET_BIND_SERVICE`,
    EADDRNOTAVAIL: `this machine does not have the address ${host}; set one that it has, such as 127.0.0.1:${port}`,
    ENOTFOUND: `the host ${host} is not known; set an address of this machine, such as 127.0.0.1:${port}`,
  }
  return new SettingsError(`${setting}: ${texts[code ?? ''] ?? message}`)
}
