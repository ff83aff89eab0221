import type { Health } from '../api/resources.ts'
import { useConsole, useSignedIn } from '../app/console.ts'
import type { Identity } from '../app/session.ts'
import { Copyable } from '../ui/copyable.tsx'
import { Loaded } from '../ui/loaded.tsx'
import { PageHead } from '../ui/page-head.tsx'
import { useHealth } from './use-health.ts'
import './health.css'

const RECHECK_MS = 10_000

/** Says in plain words whether the server is well, and how it is set up. */
export default function HealthPage() {
  const { t } = useConsole()
  const { who } = useSignedIn()
  const health = useHealth(RECHECK_MS)
  return (
    <div class="page health-page">
      <PageHead title={t('health.title')} />
      <Loaded of={health}>{(value) => <Verdict health={value} />}</Loaded>
      <section class="section">
        <h2>{t('health.server')}</h2>
        <Facts who={who} />
      </section>
    </div>
  )
}

const LOOKS = { ok: 'ok', degraded: 'warn', unavailable: 'bad' } as const

function Verdict({ health: { status, reasons = [] } }: { readonly health: Health }) {
  const { router, t } = useConsole()
  const { who } = useSignedIn()
  return (
    <section class={`card verdict ${LOOKS[status]}`} aria-live="polite">
      <h2>{t(`health.${status}`)}</h2>
      <p>{t(`health.${status}-lead`)}</p>
      {reasons.length > 0 && (
        <ul>
          {reasons.map((reason) => (
            <li key={reason}>
              {t(`health.${reason}`)}{' '}
              {reason === 'dead_letters' && who.operator && (
                <a href={router.href(['dead-letters'])}>{t('health.open-dead-letters')}</a>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Facts({ who }: { readonly who: Identity }) {
  const { t } = useConsole()
  return (
    <dl class="card facts">
      <dt>{t('health.version')}</dt>
      <dd>{who.version}</dd>
      <dt>{t('health.platform')}</dt>
      <dd>{t(`health.platform.${who.platform}`)}</dd>
      <dt>{t('health.relay')}</dt>
      <dd>{t(`health.relay.${who.relay}`)}</dd>
      <dt>{t('health.smtp')}</dt>
      <dd>{who.smtp === null ? t('health.no-smtp') : <Copyable text={who.smtp} label={t('shell.copy')} />}</dd>
      <dt>{t('health.api')}</dt>
      <dd>
        <Copyable text={who.api_url} label={t('shell.copy')} />
      </dd>
      <dt>{t('health.account')}</dt>
      <dd>{who.account_id}</dd>
    </dl>
  )
}
