'use strict';
(function () {
  const data = JSON.parse(document.getElementById('charts').textContent);
  const byId = (id) => document.getElementById(id);

  // What a reload of this page keeps, as long as the tab is open.
  const place = 'report ' + location.pathname;
  let kept = {};
  try { kept = JSON.parse(sessionStorage.getItem(place)) || {}; } catch (e) { /* storage is off or holds something else */ }
  function keep(name, value) {
    kept[name] = value;
    try { sessionStorage.setItem(place, JSON.stringify(kept)); } catch (e) { /* then it starts anew */ }
  }

  // Elements are made with createElement and textContent only, so that no name
  // can become markup.
  const SVG = 'http://www.w3.org/2000/svg';
  function svg(name, attributes, parent) {
    const e = document.createElementNS(SVG, name);
    for (const k in attributes) e.setAttribute(k, attributes[k]);
    if (parent) parent.append(e);
    return e;
  }
  function html(name, className, text, parent) {
    const e = document.createElement(name);
    if (className) e.className = className;
    if (text !== undefined) e.textContent = text;
    if (parent) parent.append(e);
    return e;
  }

  const grouped = (n) => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',');
  function short(v) {
    if (v === null || v === undefined) return 'not finite';
    const a = Math.abs(v);
    const s = a !== 0 && (a < 1e-3 || a >= 1e5) ? v.toExponential(2).replace(/\.?0+e/, 'e') : v.toPrecision(4).replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
    return s.replace('-', '−');
  }

  function ticks(lo, hi, about) {
    const power = Math.pow(10, Math.floor(Math.log10((hi - lo) / about)));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => (hi - lo) / s <= about) || 10 * power;
    const out = [];
    for (let i = Math.ceil(lo / step - 1e-9); i * step <= hi + step * 1e-9 && out.length < 50; i++) out.push(i * step);
    return { at: out, step };
  }
  function tickLabel(v, step) {
    if (Math.abs(v) < step / 1e6) return '0';
    const a = Math.abs(v);
    if (a >= 1e6 || step < 1e-5) return v.toExponential(1).replace('-', '−');
    return v.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9))).replace('-', '−');
  }
  function stepLabel(v) {
    if (v >= 1e6) return +(v / 1e6).toFixed(2) + 'M';
    if (v >= 1e4) return +(v / 1e3).toFixed(1) + 'k';
    return grouped(v);
  }
  function logTicks(lo, hi) {
    const out = [], wide = Math.log10(hi / lo) > 3;
    for (let e = Math.floor(Math.log10(lo)); e <= Math.log10(hi); e++) {
      for (const d of wide ? [1] : [1, 2, 5]) {
        const v = d * Math.pow(10, e);
        if (v >= lo && v <= hi) out.push(v);
      }
    }
    return out;
  }

  const style = (line) => line.dashed ? ' dashed' : line.dotted ? ' dotted' : '';
  const hue = (line) => 'var(--hue' + line.hue + ')';

  // A chart draws itself anew when its width or its scale changes.
  class Chart {
    constructor(spec, parent, key) {
      this.spec = spec;
      this.key = key;
      this.log = kept[key] === undefined ? Boolean(spec.isLog) : kept[key] && Boolean(spec.log);
      this.box = html('figure', 'chart', undefined, parent);
      const head = html('div', 'head', undefined, this.box);
      html('h3', '', spec.title, head);
      if (spec.log) {
        const b = html('button', '', 'log axis', head);
        b.type = 'button';
        b.setAttribute('aria-label', spec.title + ': logarithmic axis');
        const press = () => b.setAttribute('aria-pressed', String(this.log));
        b.addEventListener('click', () => { this.log = !this.log; keep(key, this.log); press(); this.draw(); });
        press();
      }
      if (spec.note) html('p', '', spec.note, this.box);
      this.svg = svg('svg', { role: 'img', tabindex: 0, 'aria-label': this.inWords() }, this.box);
      this.tip = html('div', 'tip', '', this.box);
      this.tip.hidden = true;
      this.keys();
      if (spec.how) html('p', '', spec.how, this.box);
      this.listen();
      this.steps = [...new Set(spec.lines.flatMap((l) => l.x))].sort((a, b) => a - b);
      new ResizeObserver(() => { if (this.box.clientWidth !== this.width) this.draw(); }).observe(this.box);
      this.draw();
    }

    inWords() {
      const said = this.spec.lines.map((l) => {
        const best = l.best === undefined ? '' : ', best ' + short(l.y[l.best]) + ' at step ' + grouped(l.x[l.best]);
        return l.name + ' ' + (l.stopped ? 'is not finite' : short(l.y[l.y.length - 1])) + best;
      });
      return this.spec.title + ', a line chart over the step. At its end: ' + said.join('; ') + '. Arrow keys read it out.';
    }

    keys() {
      const list = html('ul', 'keys', undefined, this.box);
      for (const l of this.spec.lines) {
        const item = html('li', '', undefined, list);
        const mark = svg('svg', { viewBox: '0 0 26 10', 'aria-hidden': 'true' }, item);
        svg('line', { x1: 0, x2: 26, y1: 5, y2: 5, class: style(l).trim(), 'stroke-width': 2.5 }, mark).style.stroke = hue(l);
        item.append(l.name + ' ');
        if (l.stopped) html('b', 'stopped', 'not finite', item);
        else html('b', '', short(l.y[l.y.length - 1]), item);
      }
    }

    draw() {
      const s = this.spec, w = this.width = this.box.clientWidth;
      const inner = getComputedStyle(this.box);
      const width = Math.max(160, w - parseFloat(inner.paddingLeft) - parseFloat(inner.paddingRight));
      const height = Math.round(Math.min(240, Math.max(170, width * 0.5)));
      const range = this.log ? s.log : s.linear;
      const marks = this.log ? logTicks(range[0], range[1]).map((v) => [v, short(v)])
        : (() => { const t = ticks(range[0], range[1], 7); return t.at.map((v) => [v, tickLabel(v, t.step)]); })();
      const left = 14 + 7 * Math.max(2, ...marks.map((m) => m[1].length)), right = 12, top = 8, bottom = 22;
      let first = this.steps.length ? this.steps[0] : 0, last = this.steps.length ? this.steps[this.steps.length - 1] : 1;
      if (first > 0 && first < last / 10 || first === last) first = Math.min(0, first);
      if (first === last) last = first + 1;
      const f = this.log ? Math.log : (v) => v;
      const lo = f(range[0]), hi = f(range[1]);
      this.X = (v) => left + (v - first) / (last - first) * (width - left - right);
      const clamp = (v) => Math.min(range[1], Math.max(range[0], v));
      this.Y = (v) => height - bottom - (f(clamp(v)) - lo) / (hi - lo) * (height - top - bottom);
      this.height = height; this.top = top; this.bottom = bottom;

      this.svg.replaceChildren();
      this.svg.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
      this.svg.style.height = height + 'px';
      for (const [v, label] of marks) {
        const y = this.Y(v);
        svg('line', { class: 'grid', x1: left, x2: width - right, y1: y, y2: y }, this.svg);
        svg('text', { x: left - 6, y: y + 4, 'text-anchor': 'end' }, this.svg).textContent = label;
      }
      const across = ticks(first, last, Math.max(2, Math.floor(width / 75)));
      for (const v of across.at) {
        if (v !== Math.round(v)) continue;
        const x = this.X(v);
        svg('line', { class: 'grid', x1: x, x2: x, y1: top, y2: height - bottom }, this.svg);
        svg('text', { x, y: height - 5, 'text-anchor': v === across.at[0] && x < left + 12 ? 'start' : x > width - 24 ? 'end' : 'middle' }, this.svg).textContent = stepLabel(v);
      }
      if (s.best) {
        const x = this.X(s.best);
        svg('line', { class: 'rule', x1: x, x2: x, y1: top, y2: height - bottom }, this.svg);
      }
      for (const l of s.lines) this.faint(l);
      for (const l of s.lines) this.line(l);
      this.pointer = svg('g', {}, this.svg);
    }

    path(x, y) {
      let d = '', pen = 'M';
      for (let i = 0; i < x.length; i++) {
        if (y[i] === null) { pen = 'M'; continue; }
        d += pen + this.X(x[i]).toFixed(1) + ' ' + this.Y(y[i]).toFixed(1);
        pen = 'L';
      }
      return d;
    }

    faint(l) {
      if (l.low) {
        const there = l.x.map((_, i) => i).filter((i) => l.low[i] !== null && l.high[i] !== null);
        const edge = (side) => there.map((i) => this.X(l.x[i]).toFixed(1) + ' ' + this.Y(side[i]).toFixed(1));
        if (there.length) svg('path', { class: 'band', d: 'M' + edge(l.high).concat(edge(l.low).reverse()).join('L') + 'Z' }, this.svg).style.fill = hue(l);
      } else if (l.raw) {
        svg('path', { class: 'raw', d: this.path(l.x, l.raw) }, this.svg).style.stroke = hue(l);
      }
    }

    line(l) {
      svg('path', { class: 'line' + style(l), d: this.path(l.x, l.y) }, this.svg).style.stroke = hue(l);
      const dot = (i, r) => { if (l.y[i] !== null) svg('circle', { cx: this.X(l.x[i]), cy: this.Y(l.y[i]), r }, this.svg).style.fill = hue(l); };
      if (this.spec.points && l.x.length <= 60) l.x.forEach((_, i) => dot(i, 2.5));
      else dot(l.x.length - 1, 3);
      if (l.best !== undefined) {
        const c = svg('circle', { class: 'best', cx: this.X(l.x[l.best]), cy: this.Y(l.y[l.best]), r: 5 }, this.svg);
        c.style.stroke = hue(l);
      }
    }

    listen() {
      const nearest = (event) => {
        const at = event.clientX - this.svg.getBoundingClientRect().left;
        let best = 0;
        this.steps.forEach((s, i) => { if (Math.abs(this.X(s) - at) < Math.abs(this.X(this.steps[best]) - at)) best = i; });
        return best;
      };
      this.svg.addEventListener('pointermove', (e) => this.show(nearest(e)));
      this.svg.addEventListener('pointerdown', (e) => this.show(nearest(e)));
      this.svg.addEventListener('pointerleave', (e) => { if (e.pointerType === 'mouse') this.hide(); });
      this.svg.addEventListener('blur', () => this.hide());
      this.svg.addEventListener('keydown', (e) => {
        const n = this.steps.length, i = this.shown === undefined ? n : this.shown;
        const to = { ArrowLeft: i - 1, ArrowRight: i + 1, Home: 0, End: n - 1, PageUp: i - Math.ceil(n / 10), PageDown: i + Math.ceil(n / 10) }[e.key];
        if (e.key === 'Escape') this.hide();
        if (to === undefined) return;
        e.preventDefault();
        this.show(Math.max(0, Math.min(n - 1, to)));
      });
    }

    show(index) {
      if (!this.steps.length) return;
      this.shown = index;
      const step = this.steps[index], x = this.X(step);
      this.pointer.replaceChildren();
      svg('line', { class: 'cross', x1: x, x2: x, y1: this.top, y2: this.height - this.bottom }, this.pointer);
      this.tip.replaceChildren();
      html('b', '', 'step ' + grouped(step), this.tip);
      for (const l of this.spec.lines) {
        const i = l.x.indexOf(step);
        if (i < 0) continue;
        const row = html('div', '', undefined, this.tip);
        html('i', '', undefined, row).style.background = hue(l);
        let text = l.name + ' ' + short(l.y[i]);
        if (l.low && this.spec.points) text += ' ± ' + short(l.high[i] === null ? 0 : l.high[i] - l.y[i]);
        else if (l.low) text += ', logged ' + short(l.low[i]) + ' to ' + short(l.high[i]);
        else if (l.raw && l.raw[i] !== l.y[i]) text += ', logged ' + short(l.raw[i]);
        if (l.best === i) text += ' (best)';
        html('span', '', text, row);
        if (l.y[i] !== null) svg('circle', { cx: x, cy: this.Y(l.y[i]), r: 4 }, this.pointer).style.fill = hue(l);
      }
      this.tip.hidden = false;
      const at = this.svg.offsetLeft === undefined ? this.svg.getBoundingClientRect().left - this.box.getBoundingClientRect().left + x : x;
      const room = this.box.clientWidth - this.tip.offsetWidth - 6;
      const beside = at + 24 > room ? at - this.tip.offsetWidth - 4 : at + 24;
      this.tip.style.left = Math.max(4, Math.min(room, beside)) + 'px';
      this.tip.style.top = (this.svg.getBoundingClientRect().top - this.box.getBoundingClientRect().top + 4) + 'px';
      this.svg.setAttribute('aria-label', this.tip.textContent);
    }

    hide() {
      this.shown = undefined;
      this.tip.hidden = true;
      this.pointer.replaceChildren();
      this.svg.setAttribute('aria-label', this.inWords());
    }
  }

  const charts = [];
  for (const parent of document.querySelectorAll('[data-charts]')) {
    const name = parent.dataset.charts;
    (data[name] || []).forEach((spec) => charts.push(new Chart(spec, parent, 'log ' + name + ' ' + spec.title)));
  }

  // The sheets. A reader at the newest one goes on with the newest.
  let playing = 0;
  const slider = byId('slider');
  if (slider) {
    const pictures = JSON.parse(byId('pictures').textContent), steps = data.sheets.map((s) => s.step), last = pictures.length - 1;
    const img = byId('sheet'), at = byId('at'), frame = byId('frame'), play = byId('play'), zoom = byId('zoom');
    const show = (i) => {
      slider.value = i;
      img.src = pictures[i];
      img.width = data.sheets[i].width; // known before the picture is: nothing below moves
      img.height = data.sheets[i].height;
      img.alt = 'Sample sheet of step ' + grouped(steps[i]);
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
        const range = document.createRange(); // without permission: select it, and try the old way
        range.selectNodeContents(code);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        try { done = document.execCommand('copy'); } catch (e2) { done = false; }
      }
      button.textContent = done ? 'Copied' : 'Selected';
      setTimeout(() => { button.textContent = 'Copy'; }, 1500);
    });
  }

  // How old the page is, and whether the run may be dead.
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
    if (!stale.hidden) stale.textContent = 'Nothing was written for ' + ago(age).replace(' ago', '') + '. The run may have been killed; its last checkpoint is kept.';
  }
  tellAge();

  // Reloading: not while the reader does something, nor while nobody looks.
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
