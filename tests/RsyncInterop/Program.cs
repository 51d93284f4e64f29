using FastRsync.Core;
using FastRsync.Delta;
using FastRsync.Hash;
using FastRsync.Signature;

// The library's three steps as a command: sign BASIS SIGNATURE HASH ROLLING BLOCK; delta SIGNATURE NEW DELTA; apply BASIS DELTA OUTPUT.
switch (args[0])
{
    case "sign":
        using (FileStream basis = File.OpenRead(args[1]), signature = File.Create(args[2]))
        {
            IRollingChecksum rolling = args[4] == "Adler32V3" ? new Adler32RollingChecksumV3() : new Adler32RollingChecksum();
            new SignatureBuilder(SupportedAlgorithms.Hashing.Create(args[3]), rolling) { ChunkSize = short.Parse(args[5]) }
                .Build(basis, new SignatureWriter(signature));
        }
        break;
    case "delta":
        using (FileStream signature = File.OpenRead(args[1]), source = File.OpenRead(args[2]), delta = File.Create(args[3]))
        {
            new DeltaBuilder().BuildDelta(source, new SignatureReader(signature, null), new AggregateCopyOperationsDecorator(new BinaryDeltaWriter(delta)));
        }
        break;
    case "apply":
        using (FileStream basis = File.OpenRead(args[1]), delta = File.OpenRead(args[2]), output = File.Create(args[3]))
        {
            new DeltaApplier().Apply(basis, new BinaryDeltaReader(delta, null), output);        // throws unless the delta's hash is that of the output
        }
        break;
    default:
        throw new ArgumentException("sign, delta or apply", nameof(args));
}
