/** Fills an empty list: with code to paste, a sample to send, and that the page waits. */
import { useState } from 'preact/hooks'
import { useConsole, useSignedIn } from '../app/console.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { Icon } from '../ui/icon.tsx'
import { Scroll } from '../ui/scroll.tsx'
import { type Tab, Tabs } from '../ui/tabs.tsx'
import { curlSnippet, sampleMessage, sdkSnippet, smtpSnippet } from './snippets.ts'

const UNKNOWN = { from: 'you@your.domain', to: 'delivered@resend.dev' }

export default function Welcome() {
  const { api, t, notices, router } = useConsole()
  const { who } = useSignedIn()
  const [way, setWay] = useState('sdk')
  const [busy, setBusy] = useState(false)
  const sample = who.sample ?? UNKNOWN
  const send = async () => {
    setBusy(true)
    try {
      const { id } = await api.post<{ id: string }>('/emails', sampleMessage(sample))
      router.go(['messages', 'sent', id])
    } catch (error) {
      notices.failed(error)
    }
    setBusy(false)
  }
  const snippet = (value: string, label: string, code: string): Tab => ({
    value,
    label,
    panel: () => <Snippet code={code} />,
  })
  const ways = [
    snippet('sdk', t('welcome.sdk'), sdkSnippet(who.api_url, sample)),
    snippet('curl', t('welcome.curl'), curlSnippet(who.api_url, sample)),
    ...(who.smtp === null ? [] : [snippet('smtp', t('welcome.smtp'), smtpSnippet(who.smtp, sample))]),
  ]
  return (
    <div class="welcome">
      <h2>{t('welcome.title')}</h2>
      <p>{t(who.relay === 'capture' ? 'welcome.lead' : 'welcome.lead-relay')}</p>
      <Tabs label={t('welcome.ways')} list={ways} value={way} onChange={setWay} />
      <p class="hint">{way === 'smtp' ? t('welcome.smtp-lead') : t('welcome.key')}</p>
      {who.sample && who.relay === 'capture' && (
        <button type="button" class="button primary" disabled={busy} onClick={() => void send()}>
          <Icon name="send" />
          {t('welcome.sample')}
        </button>
      )}
      <p class="welcome-waiting">
        <span class="dot waits" aria-hidden="true" />
        {t('welcome.waiting')}
      </p>
    </div>
  )
}

function Snippet({ code }: { readonly code: string }) {
  return (
    <div class="snippet">
      <Scroll>
        <code>{code}</code>
      </Scroll>
      <CopyButton text={code} />
    </div>
  )
}
