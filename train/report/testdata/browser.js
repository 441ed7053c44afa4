// Opens a report.html in a real, headless browser and checks that it works.
//
//   npm install playwright-core          (in a separate folder)
//   go test ./train/report -run TestPageShowsTheRun -page /some/report.html
//   NODE_PATH=/that/folder/node_modules node train/report/testdata/browser.js /some/report.html /usr/bin/chromium [folder for screenshots]
//
// It checks with Chromium, on a desktop and a phone, in light and dark: the charts are there; the pointer
// and the arrow keys show values; the axis changes, also after a reload; the keyboard moves the slider,
// which keeps its place; the page reloads, but not while the slider is held; and the browser sends no
// request and reports no error.
'use strict';
const { chromium } = require('playwright-core');
const assert = require('node:assert/strict');

const [file, executablePath, shots] = process.argv.slice(2);

(async () => {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'] });
  const complaints = [];
  let loads = 0;
  const open = async (options, name) => {
    const page = await (await browser.newContext(options)).newPage();
    page.on('console', (m) => complaints.push(m.type() + ': ' + m.text()));
    page.on('pageerror', (e) => complaints.push(e.message));
    page.on('request', (r) => { if (!r.url().startsWith('data:') && !r.url().startsWith('file://' + file)) complaints.push('requests ' + r.url()); });
    page.on('load', () => { loads++; });
    await page.goto('file://' + file);
    if (shots) await page.screenshot({ path: shots + '/' + name + '.png', fullPage: true });
    return page;
  };

  const p = await open({ viewport: { width: 1280, height: 900 } }, 'desktop');
  const held = async () => { // the page does not reload while a button is pressed
    await p.mouse.move(5, 5);
    await p.mouse.down();
  };
  await held();
  const charts = p.locator('.chart > .plot');
  assert.equal(await charts.count(), 10);
  for (const path of await p.locator('.plot path.line').all()) assert.match(await path.getAttribute('d'), /^M[\d. ]+L/);
  await p.mouse.up();

  const losses = p.locator('#losses .chart').first();
  await losses.scrollIntoViewIfNeeded();
  const box = await losses.locator('.linear > svg').boundingBox();
  await p.mouse.move(box.x + box.width - 20, box.y + box.height / 2);
  assert.match(await losses.locator('.tip').innerText(), /^step 1,200\nG_AB 0\.\d+.*\nG_BA 0\.4/);
  await losses.locator('.plot').focus();
  await p.keyboard.press('Home');
  assert.match(await losses.locator('.tip').innerText(), /^step 100\n/);
  await p.keyboard.press('ArrowRight');
  assert.match(await losses.locator('.plot').getAttribute('aria-label'), /step 200/);
  await p.keyboard.press('Escape');

  const axis = losses.locator('button');
  assert.equal(await axis.getAttribute('aria-pressed'), 'false');
  await axis.click();
  const slider = p.locator('#slider');
  await slider.focus();
  assert.equal(await p.locator('#at').innerText(), 'step 1,200');
  await p.keyboard.press('ArrowLeft');
  assert.equal(await p.locator('#at').innerText(), 'step 800');
  await p.waitForFunction(() => document.getElementById('sheet').naturalWidth === 100);
  await p.evaluate(() => scrollTo({ top: 300, behavior: 'instant' }));
  await p.reload();
  assert.equal(await p.locator('#at').innerText(), 'step 800');
  assert.equal(await axis.getAttribute('aria-pressed'), 'true');
  assert.equal(await p.evaluate(() => scrollY), 300);

  // This page reloads every two seconds.
  const knob = await slider.boundingBox();
  await p.mouse.move(knob.x + knob.width / 2, knob.y + knob.height / 2);
  await p.mouse.down();
  let before = loads;
  await p.waitForTimeout(8000);
  assert.equal(loads, before, 'the page reloaded while the slider was held');
  await p.mouse.up();
  await p.waitForEvent('load', { timeout: 15000 });
  assert.equal(await p.locator('#at').innerText(), 'step 800');
  await p.locator('#play').click();
  await p.waitForFunction(() => document.getElementById('at').textContent === 'step 1,200');

  await p.locator('#all').check();
  assert.equal(await p.locator('table.options tbody tr:visible').count(), 2);
  await p.locator('#all').uncheck();
  assert.equal(await p.locator('table.options tbody tr:visible').count(), 1);
  await p.locator('button.copy').click();
  await p.waitForFunction(() => /Copied|Selected/.test(document.querySelector('button.copy').textContent));
  assert.ok(await p.locator('#stale').isVisible(), 'an old page of a running run is not marked as stale');

  for (const [name, options] of [
    ['dark', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }],
    ['phone', { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }],
    ['narrow', { viewport: { width: 320, height: 640 }, colorScheme: 'dark', isMobile: true, hasTouch: true }],
  ]) {
    const q = await open(options, name);
    assert.ok(await q.evaluate(() => document.documentElement.scrollWidth <= innerWidth), name + ': the page is wider than the screen');
    const dark = await q.evaluate(() => getComputedStyle(document.body).backgroundColor) !== 'rgb(250, 250, 248)';
    assert.equal(dark, options.colorScheme === 'dark');
  }
  if (shots) await p.pdf({ path: shots + '/print.pdf', format: 'A4' });
  assert.deepEqual(complaints, []);
  await browser.close();
  console.log('all checks passed');
})().catch((e) => { console.error(e); process.exit(1); });
