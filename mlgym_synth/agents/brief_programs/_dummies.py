target = "TARGET"
train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
x = pd.concat([train, test]).drop(columns=["id", target], errors="ignore")
few = [name for name in x.select_dtypes(exclude="number") if x[name].nunique() < 30]
x = pd.get_dummies(x, columns=few).select_dtypes(exclude="object").astype(float)
x = x.fillna(x.median()).to_numpy()
