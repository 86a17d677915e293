import { test } from "node:test"
import { afterwards, newFolder } from "/work/main/tests/interop/harness/afterwards.mjs"
import { Client, untilEqual } from "/work/main/tests/interop/harness/client.mjs"
import { Server } from "/work/main/tests/interop/harness/server.mjs"
import { until } from "/work/main/tests/interop/harness/until.mjs"
for (let k=0;k<12;k++) test("x"+k, async t => {
  const server = await Server.start(t)
  const ann = await Client.connect(t, server.url, { folder: newFolder(), gossips: true })
  const bob = await Client.connect(t, server.url, { folder: newFolder(), gossips: true })
  const [A,B] = [await ann.repo.storageId(), await bob.repo.storageId()]
  const log=[]
  for (const [n,c] of [["ann",ann],["bob",bob]]) { const orig=c.adapter.emit.bind(c.adapter); c.adapter.emit=(e,m)=>{ if(e==="message"&&m.type?.startsWith("remote")) log.push([n,"got",Date.now()%100000,JSON.stringify(m.newHeads??m).slice(0,400)]); return orig(e,m)}; const s=c.adapter.send.bind(c.adapter); c.adapter.send=m=>{ if(m.type?.startsWith("remote")) log.push([n,"sent",Date.now()%100000,JSON.stringify(m.newHeads??m).slice(0,300)]); else log.push([n,"sent",Date.now()%100000,m.type]); return s(m)} }
  ann.repo.subscribeToRemotes([B]); bob.repo.subscribeToRemotes([A])
  const anns = ann.repo.create({ marks: [] }); const bobs = await bob.find(anns.url)
  anns.change(doc => void doc.marks.push("ann")); bobs.change(doc => void doc.marks.push("bob"))
  await untilEqual([anns, bobs], doc => doc.marks.length === 2)
  const s=(h,id)=>[...(h.getSyncInfo(id)?.lastHeads??[])].sort().join()===[...h.heads()].sort().join()
  try { await until("a", ()=>s(anns,B)&&s(bobs,A), 2000) } catch(e) { console.error("FAIL heads", anns.heads(), "A",A,"B",B, "ann of B", anns.getSyncInfo(B)?.lastHeads, "bob of A", bobs.getSyncInfo(A)?.lastHeads); for (const l of log) console.error(...l) ; throw e}
})
