import time
from tests.page.conftest import *
async def test_lat(page, app):
    w = await page()
    out=[]
    await w.js("""window.T=[];new MutationObserver(()=>{const n=document.querySelectorAll('.msg.private').length; if(n>T.length)T.push(performance.now()-window.t0)}).observe(document.querySelector('#log'),{childList:true,subtree:true});
    document.querySelector('#composer-text').addEventListener('keydown',e=>{if(e.key==='Enter')window.t0=performance.now()},true);0""")
    for i in range(12):
        await w.type("#composer-text", f"/model x{i}"); await w.press("Enter"); await w.until(f"T.length=={i+1}"); 
    t=sorted(await w.js("T")); print("\nms", [round(x) for x in t])
