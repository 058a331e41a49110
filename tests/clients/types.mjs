// Whether a value that came as JSON is what a TypeScript type declares.
//
// The compiler reads the declarations, so that nothing about them is written down a second time. Two
// things JSON cannot say, and are read leniently: a `Date` is a text in ISO 8601 or a number of
// milliseconds, as `new Date(value)` takes them; and an optional property may be null instead of
// absent, which is reported apart.
import ts from 'typescript';

const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

/** What classes of a package declare. */
export class Declarations {
  #checker;
  #exports;

  /** Reads a declaration file; `paths` says where the modules are that it names. */
  constructor(file, paths) {
    const program = ts.createProgram([file], {
      baseUrl: '.',
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      target: ts.ScriptTarget.ES2022,
      paths,
      skipLibCheck: true,
      strict: true,
      types: [],
    });
    this.#checker = program.getTypeChecker();
    const module = this.#checker.getSymbolAtLocation(program.getSourceFile(file));
    this.#exports = new Map(this.#checker.getExportsOfModule(module).map((symbol) => [symbol.name, symbol]));
  }

  /** The public methods of each property of a class, as `property.method`, with what they return. */
  methods(name) {
    const methods = new Map();
    for (const property of this.#propertiesOf(this.#checker.getDeclaredTypeOfSymbol(this.#exports.get(name)))) {
      for (const method of this.#propertiesOf(this.#checker.getTypeOfSymbol(property))) {
        const [signature] = this.#checker.getTypeOfSymbol(method).getCallSignatures();
        if (signature !== undefined) {
          const returned = this.#checker.getAwaitedType(signature.getReturnType());
          if (returned.flags & ts.TypeFlags.Any) {
            throw new Error(`nobody says what ${property.name}.${method.name} returns`);
          }
          methods.set(`${property.name}.${method.name}`, returned);
        }
      }
    }
    return methods;
  }

  /** The public methods of a class itself, as `prefix.method`, with what they return. */
  own(name, prefix) {
    const methods = new Map();
    for (const method of this.#propertiesOf(this.#checker.getDeclaredTypeOfSymbol(this.#exports.get(name)))) {
      const [signature] = this.#checker.getTypeOfSymbol(method).getCallSignatures();
      if (signature !== undefined) {
        methods.set(`${prefix}.${method.name}`, this.#checker.getAwaitedType(signature.getReturnType()));
      }
    }
    return methods;
  }

  /** Where `value` is not what `type` declares: `misfits`; where it has null for absent: `nulls`. */
  compare(value, type) {
    const found = { misfits: [], nulls: [] };
    this.#compare(value, type, '', found);
    return found;
  }

  #propertiesOf(type) {
    const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
    return this.#checker
      .getPropertiesOfType(type)
      .filter((property) => !(ts.getCombinedModifierFlags(property.valueDeclaration) & hidden));
  }

  #compare(value, type, path, found) {
    const is = (flags) => (type.flags & flags) !== 0;
    const must = (condition) => {
      if (!condition) {
        const seen = value === undefined ? 'absent' : (JSON.stringify(value)?.slice(0, 60) ?? typeof value);
        found.misfits.push(`${path || 'it'} is ${seen}, not ${this.#checker.typeToString(type)}`);
      }
    };
    if (is(ts.TypeFlags.Any | ts.TypeFlags.Unknown)) {
      return;
    }
    if (type.isUnion()) {
      this.#compareUnion(value, type, path, found, must);
    } else if (type.isIntersection()) {
      type.types.forEach((part) => this.#compare(value, part, path, found));
    } else if (is(ts.TypeFlags.Undefined | ts.TypeFlags.Void)) {
      must(value === undefined);
    } else if (is(ts.TypeFlags.Null)) {
      must(value === null);
    } else if (is(ts.TypeFlags.BooleanLiteral)) {
      must(String(value) === type.intrinsicName && typeof value === 'boolean');
    } else if (type.isStringLiteral() || type.isNumberLiteral()) {
      must(value === type.value);
    } else if (is(ts.TypeFlags.String)) {
      must(typeof value === 'string');
    } else if (is(ts.TypeFlags.Number)) {
      must(typeof value === 'number');
    } else if (is(ts.TypeFlags.TemplateLiteral)) {
      const escaped = type.texts.map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
      must(typeof value === 'string' && new RegExp(`^${escaped.join('.*')}$`, 's').test(value));
    } else if (is(ts.TypeFlags.NonPrimitive)) {
      must(typeof value === 'object' && value !== null);
    } else if (is(ts.TypeFlags.Object)) {
      this.#compareObject(value, type, path, found, must);
    } else {
      throw new Error(`no rule for ${this.#checker.typeToString(type)} at ${path}`);
    }
  }

  /** One of the types of a union must fit; otherwise the one that fits best is spoken of. */
  #compareUnion(value, type, path, found, must) {
    let best;
    for (const part of type.types) {
      const attempt = { misfits: [], nulls: [] };
      this.#compare(value, part, path, attempt);
      if (best === undefined || attempt.misfits.length < best.misfits.length) {
        best = attempt;
      }
    }
    if (best.misfits.length === 0) {
      found.nulls.push(...best.nulls);
    } else if (typeof value === 'object' && value !== null && type.types.some((part) => part.getProperties().length)) {
      found.misfits.push(...best.misfits);
    } else {
      must(false);
    }
  }

  #compareObject(value, type, path, found, must) {
    if (type.symbol?.name === 'Date') {
      must((typeof value === 'number' || ISO.test(value)) && !Number.isNaN(new Date(value).getTime()));
      return;
    }
    if (this.#checker.isArrayType(type)) {
      must(Array.isArray(value));
      const [element] = this.#checker.getTypeArguments(type);
      (Array.isArray(value) ? value : []).forEach((one, index) => this.#compare(one, element, `${path}[${index}]`, found));
      return;
    }
    const isPlain = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isPlain || type.getCallSignatures().length > 0 || this.#checker.isTupleType(type)) {
      must(false);
      return;
    }
    const properties = this.#checker.getPropertiesOfType(type);
    const at = (name) => (path === '' ? name : `${path}.${name}`);
    for (const property of properties) {
      const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0;
      const given = value[property.name];
      if (isOptional && given === undefined) {
        continue;
      }
      const attempt = { misfits: [], nulls: [] };
      this.#compare(given, this.#checker.getTypeOfSymbol(property), at(property.name), attempt);
      if (isOptional && given === null && attempt.misfits.length > 0) {
        found.nulls.push(at(property.name));
      } else {
        found.misfits.push(...attempt.misfits);
        found.nulls.push(...attempt.nulls);
      }
    }
    const index = this.#checker.getIndexInfosOfType(type).find((info) => info.keyType.flags & ts.TypeFlags.String);
    const known = new Set(properties.map((property) => property.name));
    for (const name of index === undefined ? [] : Object.keys(value)) {
      if (!known.has(name)) {
        this.#compare(value[name], index.type, at(name), found);
      }
    }
  }
}
