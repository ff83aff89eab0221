import { FIRST_ACCOUNT } from '@kabutar/core/accounts/accounts.ts'
import { hostOf } from '@kabutar/http/own-hosts.ts'
import type { ServerFacts } from '@kabutar/http/session.ts'
import type { Loopback } from '@kabutar/http/sessions.ts'
import type { Settings } from './settings.ts'
import { type Address, hostText, isLoopback } from './settings-values.ts'

type Listener = { readonly url: string; readonly address: Address }
type Access = { readonly hosts?: readonly string[]; readonly loopback?: Loopback; readonly facts: ServerFacts }

/**
 * Decides who may ask the API by which names. A listener that is bound to a loopback address answers only to the names of that
 * address and to KABUTAR_PUBLIC_URL. It lets the console in without a key while mail is captured and no public URL says that
 * something passes on what others ask. Any other listener is reached by names that it cannot know (containers, load
 * balancers), so it answers to all, and always asks for a key.
 */
export function consoleOptions(
  { relay, publicUrl, httpTls, http }: Pick<Settings, 'relay' | 'publicUrl' | 'httpTls' | 'http'>,
  { url, address }: Listener,
  smtp: string | undefined,
): Access {
  const facts: ServerFacts = { platform: 'embedded', relay: relay.kind, smtp, apiUrl: publicUrl ?? url }
  if (!isLoopback(address.host)) return { facts }
  const scheme = httpTls ? 'https' : 'http'
  const names = ['localhost', '127.0.0.1', '[::1]']
  const local = names.map((name) => hostOf(scheme, name, address.port))
  const bound = hostOf(scheme, hostText(http.host), address.port)
  return {
    facts,
    hosts: [...local, bound, ...(publicUrl === undefined ? [] : [new URL(publicUrl).host])],
    ...(relay.kind === 'capture' &&
      publicUrl === undefined && { loopback: { accountId: FIRST_ACCOUNT, scheme, hosts: local } }),
  }
}
