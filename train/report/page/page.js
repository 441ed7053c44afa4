'use strict';
(function () {
  const data = JSON.parse(document.getElementById('charts').textContent);
  const byId = (id) => document.getElementById(id);

  // State that survives a reload of this page, as long as the tab is open.
  const place = 'report ' + location.pathname;
  let kept = {};
  try { kept = JSON.parse(sessionStorage.getItem(place)) || {}; } catch (e) { /* storage is off or has something else */ }
  function keep(name, value) {
    kept[name] = value;
    try { sessionStorage.setItem(place, JSON.stringify(kept)); } catch (e) { /* storage is off: the state is lost */ }
  }

  const grouped = (n) => Math.round(n).toLocaleString('en');
  const short = (v) => v === null || v === undefined ? 'not finite' : String(+v.toPrecision(4)).replace('-', '\u2212');

  // A Chart shows the values of the chart that the page holds as SVG, and switches its axis.
  class Chart {
    constructor(box, spec) {
      this.spec = spec;
      this.plot = box.querySelector('.plot');
      this.tip = box.querySelector('.tip');
      this.cross = box.querySelector('.cross');
      this.words = this.plot.getAttribute('aria-label');
      this.steps = [...new Set(spec.lines.flatMap((l) => l.x))].sort((a, b) => a - b);
      const button = box.querySelector('.axis');
      if (button) {
        const name = 'log ' + box.querySelector('h3').textContent;
        const set = (log) => {
          box.classList.toggle('log', log);
          button.setAttribute('aria-pressed', String(log));
        };
        if (kept[name] !== undefined) set(kept[name]);
        button.addEventListener('click', () => { set(!box.classList.contains('log')); keep(name, box.classList.contains('log')); });
      }
      this.listen();
    }

    // The rectangle of the axes on the screen.
    area() {
      return [...this.plot.querySelectorAll(':scope > div > svg')].map((s) => s.getBoundingClientRect()).find((r) => r.width > 0);
    }

    listen() {
      const nearest = (event) => {
        const r = this.area(), at = this.spec.from + (event.clientX - r.left) / r.width * (this.spec.to - this.spec.from);
        let best = 0;
        this.steps.forEach((s, i) => { if (Math.abs(s - at) < Math.abs(this.steps[best] - at)) best = i; });
        return best;
      };
      this.plot.addEventListener('pointermove', (e) => this.show(nearest(e)));
      this.plot.addEventListener('pointerdown', (e) => this.show(nearest(e)));
      this.plot.addEventListener('pointerleave', (e) => { if (e.pointerType === 'mouse') this.hide(); });
      this.plot.addEventListener('blur', () => this.hide());
      this.plot.addEventListener('keydown', (e) => {
        const n = this.steps.length, i = this.shown === undefined ? n : this.shown;
        const to = { ArrowLeft: i - 1, ArrowRight: i + 1, Home: 0, End: n - 1, PageUp: i - Math.ceil(n / 10), PageDown: i + Math.ceil(n / 10) }[e.key];
        if (e.key === 'Escape') this.hide();
        if (to === undefined) return;
        e.preventDefault();
        this.show(Math.max(0, Math.min(n - 1, to)));
      });
    }

    // Elements are made with createElement and textContent only, so that no name can become markup.
    row(parent, tag, text, hue) {
      const e = document.createElement(tag);
      if (hue !== undefined) e.append(Object.assign(document.createElement('i'), { className: 'h' + hue }));
      e.append(Object.assign(document.createElement('span'), { textContent: text }));
      parent.append(e);
    }

    show(index) {
      if (!this.steps.length) return;
      this.shown = index;
      const step = this.steps[index];
      this.tip.replaceChildren();
      this.row(this.tip, 'b', 'step ' + grouped(step));
      for (const l of this.spec.lines) {
        const i = l.x.indexOf(step);
        if (i < 0) continue;
        let text = l.name + ' ' + short(l.y[i]);
        if (l.low && this.spec.dots) text += ' ± ' + short(l.high[i] === null ? 0 : l.high[i] - l.y[i]);
        else if (l.low) text += ', logged ' + short(l.low[i]) + ' to ' + short(l.high[i]);
        else if (l.raw && l.raw[i] !== l.y[i]) text += ', logged ' + short(l.raw[i]);
        if (l.best === i) text += ' (best)';
        this.row(this.tip, 'div', text, l.hue);
      }
      this.tip.hidden = this.cross.hidden = false;
      const outer = this.plot.getBoundingClientRect(), r = this.area();
      const x = r.left - outer.left + (step - this.spec.from) / (this.spec.to - this.spec.from) * r.width;
      Object.assign(this.cross.style, { left: x + 'px', top: r.top - outer.top + 'px', height: r.height + 'px' });
      const room = outer.width - this.tip.offsetWidth;
      const left = x + 12 > room ? x - this.tip.offsetWidth - 12 : x + 12;
      Object.assign(this.tip.style, { left: Math.max(0, Math.min(room, left)) + 'px', top: '4px' });
      this.plot.setAttribute('aria-label', this.tip.textContent);
    }

    hide() {
      this.shown = undefined;
      this.tip.hidden = this.cross.hidden = true;
      this.plot.setAttribute('aria-label', this.words);
    }
  }
  const charts = [...document.querySelectorAll('.chart')].map((box, i) => new Chart(box, data.charts[i]));

  // The sheets. A reader at the newest one stays at the newest after a reload.
  let playing = 0;
  const slider = byId('slider');
  if (slider) {
    const images = JSON.parse(byId('images').textContent), steps = data.sheets.map((s) => s.step), last = images.length - 1;
    const img = byId('sheet'), at = byId('at'), frame = byId('frame'), play = byId('play'), zoom = byId('zoom');
    const show = (i) => {
      slider.value = i;
      img.src = images[i];
      img.width = data.sheets[i].width; // before the image is decoded, so that nothing below moves
      img.height = data.sheets[i].height;
      img.alt = 'Samples at step ' + grouped(steps[i]);
      at.textContent = 'step ' + grouped(steps[i]);
      slider.setAttribute('aria-valuetext', 'step ' + grouped(steps[i]) + ', sheet ' + (i + 1) + ' of ' + (last + 1));
      keep('sheet', i === last ? null : steps[i]);
    };
    const stop = () => {
      clearInterval(playing);
      playing = 0;
      play.textContent = 'Play';
      play.setAttribute('aria-pressed', 'false');
    };
    slider.max = last;
    slider.disabled = play.disabled = last === 0;
    slider.addEventListener('input', () => { stop(); show(+slider.value); });
    play.addEventListener('click', () => {
      if (playing) return stop();
      if (+slider.value === last) show(0);
      play.textContent = 'Stop';
      play.setAttribute('aria-pressed', 'true');
      playing = setInterval(() => {
        if (+slider.value >= last) return stop();
        show(+slider.value + 1);
      }, Math.max(150, Math.min(600, 8000 / (last + 1))));
    });
    const size = (full) => {
      frame.classList.toggle('full', full);
      zoom.setAttribute('aria-pressed', String(full));
      keep('full', full);
    };
    zoom.addEventListener('click', () => size(!frame.classList.contains('full')));
    img.addEventListener('click', () => size(!frame.classList.contains('full')));
    size(Boolean(kept.full));
    let start = last;
    if (typeof kept.sheet === 'number') {
      steps.forEach((s, i) => { if (Math.abs(s - kept.sheet) < Math.abs(steps[start] - kept.sheet)) start = i; });
    }
    show(start);
  }

  const all = byId('all');
  if (all) {
    const table = document.querySelector('table.options');
    const show = () => { table.classList.toggle('few', !all.checked); keep('all', all.checked); };
    all.checked = Boolean(kept.all);
    all.addEventListener('change', show);
    show();
  }

  for (const button of document.querySelectorAll('button.copy')) {
    button.addEventListener('click', async () => {
      const code = button.parentElement.querySelector('code');
      let done = false;
      try {
        await navigator.clipboard.writeText(code.textContent);
        done = true;
      } catch (e) {
        const range = document.createRange(); // no permission: select the text and try the old way
        range.selectNodeContents(code);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        try { done = document.execCommand('copy'); } catch (e2) { done = false; }
      }
      button.textContent = done ? 'Copied' : 'Selected';
      setTimeout(() => { button.textContent = 'Copy'; }, 1500);
    });
  }

  // The age of the page, and whether the run may be dead.
  function ago(seconds) {
    if (seconds < 90) return Math.round(seconds) + ' s ago';
    if (seconds < 5400) return Math.round(seconds / 60) + ' min ago';
    if (seconds < 129600) return Math.round(seconds / 3600) + ' h ago';
    return Math.round(seconds / 86400) + ' days ago';
  }
  function tellAge() {
    const age = (Date.now() - data.updated) / 1000;
    if (!data.running || age < 0) return;
    byId('age').textContent = ', ' + ago(age);
    const stale = byId('stale');
    stale.hidden = !(age > Math.max(1800, 20 * data.refresh));
    if (!stale.hidden) stale.textContent = 'The run has written nothing for ' + ago(age).replace(' ago', '') + '. It may have been killed; its last checkpoint is still there.';
  }
  tellAge();

  // Reload, but not while the reader does something or the page is hidden.
  addEventListener('beforeunload', () => keep('scroll', [scrollX, scrollY]));
  addEventListener('pagehide', () => keep('scroll', [scrollX, scrollY]));
  if (data.running && data.refresh > 0) {
    let touched = 0, held = false;
    const touch = () => { touched = Date.now(); };
    for (const name of ['pointermove', 'keydown', 'wheel', 'scroll', 'touchmove', 'input']) addEventListener(name, touch, { passive: true, capture: true });
    addEventListener('pointerdown', () => { held = true; touch(); }, true);
    for (const name of ['pointerup', 'pointercancel', 'blur']) addEventListener(name, () => { held = false; touch(); }, true);
    const born = Date.now();
    setInterval(() => {
      tellAge();
      const busy = held || playing || document.hidden || Date.now() - touched < (charts.some((c) => !c.tip.hidden) ? 60000 : 4000) || String(getSelection()) !== '';
      if (Date.now() - born < data.refresh * 1000 || busy) return;
      location.reload();
    }, 1000);
  }
  if ('scrollRestoration' in history) history.scrollRestoration = 'manual';
  if (kept.scroll && performance.getEntriesByType('navigation').some((n) => n.type === 'reload')) {
    scrollTo({ left: kept.scroll[0], top: kept.scroll[1], behavior: 'instant' });
  }
  addEventListener('beforeprint', () => charts.forEach((c) => c.hide()));
})();
