import { useConsole } from '../app/console.ts'
import { useHealth } from './use-health.ts'

const RECHECK_MS = 30_000

/** Says on every page that the server needs somebody, and leads to the reasons. */
export function HealthLine() {
  const { router, t } = useConsole()
  const status = useHealth(RECHECK_MS).value?.status ?? 'ok'
  return (
    <div class="health-line" role="status">
      {status !== 'ok' && (
        <a class={status === 'degraded' ? 'chip warn' : 'chip bad'} href={router.href(['health'])}>
          {t(`health.${status}`)}
        </a>
      )}
    </div>
  )
}
