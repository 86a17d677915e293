// A page with automerge-repo as it is, and nothing of Tiebreak: it shows a profile's name, and every value that the
// library keeps for it. The address names the document and the server: #<document>@<server>.

import { getConflicts, initializeBase64Wasm } from "@automerge/automerge/slim"
import { automergeWasmBase64 } from "@automerge/automerge/automerge.wasm.base64"
import { Repo } from "@automerge/automerge-repo/slim"
import { WebSocketClientAdapter } from "@automerge/automerge-repo-network-websocket"

await initializeBase64Wasm(automergeWasmBase64)

const [id, address] = location.hash.slice(1).split("@")
const [name, online, values] = ["name", "online", "values"].map(element => document.getElementById(element))
const repo = new Repo()
let adapter

online.onchange = () => {
  if (!online.checked) return repo.networkSubsystem.removeNetworkAdapter(adapter)
  adapter = new WebSocketClientAdapter(`ws://${address}/automerge`)
  repo.networkSubsystem.addNetworkAdapter(adapter)
}
online.checked = true
online.onchange()

const handle = await repo.find(`automerge:${id}`)
await handle.whenReady()

function show() {
  const doc = handle.doc()
  const all = Object.values(getConflicts(doc, "display_name") ?? { shown: doc.display_name }).map(String)
  name.value = String(doc.display_name)
  values.replaceChildren(...all.map(text => Object.assign(document.createElement("li"), { textContent: text })))
}

name.onchange = () => handle.change(doc => void (doc.display_name = name.value))
handle.on("change", show)
show()
