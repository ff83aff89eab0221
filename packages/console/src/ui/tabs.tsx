import { normalizeProps, useMachine } from '@zag-js/preact'
import * as tabs from '@zag-js/tabs'
import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

export type Tab = { readonly value: string; readonly label: string; readonly panel: () => ComponentChildren }
type Props = {
  readonly label: string
  readonly list: readonly Tab[]
  readonly value: string
  readonly onChange: (value: string) => void
}

/** Shows tabs with one panel: only the chosen one is rendered, so that the others load nothing. */
export function Tabs({ label, list, value, onChange }: Props) {
  const service = useMachine(tabs.machine, { id: useId(), value, onValueChange: (change) => onChange(change.value) })
  const api = tabs.connect(service, normalizeProps)
  const chosen = list.find((tab) => tab.value === value) ?? list[0]
  return (
    <div {...api.getRootProps()} class="tabs">
      <div {...api.getListProps()} {...{ 'aria-label': label }} class="tab-list">
        {list.map((tab) => (
          <button type="button" key={tab.value} {...api.getTriggerProps({ value: tab.value })} class="tab">
            {tab.label}
          </button>
        ))}
      </div>
      {chosen && (
        <div key={chosen.value} {...api.getContentProps({ value: chosen.value })} class="tab-panel">
          {chosen.panel()}
        </div>
      )}
    </div>
  )
}
