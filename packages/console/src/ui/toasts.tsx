import { normalizeProps, useMachine } from '@zag-js/preact'
import * as toast from '@zag-js/toast'
import { useId } from 'preact/hooks'
import { useConsole } from '../app/console.ts'
import { Icon } from './icon.tsx'

/** Shows the toasts. One that is an error stays longer, and each can be closed. */
export function Toasts() {
  const { notices } = useConsole()
  const service = useMachine(toast.group.machine, { id: useId(), store: notices.store })
  const api = toast.group.connect(service, normalizeProps)
  return (
    <div {...api.getGroupProps()}>
      {api.getToasts().map((one, index) => (
        <Toast key={one.id} toast={one} parent={service} index={index} />
      ))}
    </div>
  )
}

type Props = {
  readonly toast: toast.Options
  readonly parent: toast.GroupService
  readonly index: number
}

function Toast({ toast: options, parent, index }: Props) {
  const { t } = useConsole()
  const service = useMachine(toast.machine, { ...options, parent, index })
  const api = toast.connect(service, normalizeProps)
  return (
    <div {...api.getRootProps()} class={`toast ${options.type}`}>
      <span {...api.getTitleProps()}>{api.title}</span>
      {options.action && (
        <button type="button" {...api.getActionTriggerProps()} class="button small">
          {options.action.label}
        </button>
      )}
      <button type="button" {...api.getCloseTriggerProps()} class="button quiet small" aria-label={t('shell.close')}>
        <Icon name="close" />
      </button>
    </div>
  )
}
